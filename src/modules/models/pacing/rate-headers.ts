import { clock } from '../../../kernel/clock.ts';

/** What a provider says of one kind of limit. */
export interface ToldLimit {
  limit?: number;
  remaining?: number;
  /** Milliseconds until all of it is there again. */
  resetMs?: number;
}

/** What an answer's headers say of the limits of its key. */
export interface ToldLimits {
  requests?: ToldLimit;
  tokens?: ToldLimit;
}

/** What headers say. `inputTokens`: tokens of prompts, where that is all that is said of tokens. */
export interface ReadLimits extends ToldLimits {
  inputTokens?: ToldLimit;
}

/** Longer waits than this are no rate limit, in milliseconds: 31 days. */
const longestMs = 31 * 86_400_000;
const units: Record<string, number> = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1, us: 0.001, µs: 0.001 };

/**
 * Reads `x-ratelimit-{limit,remaining,reset}-{requests,tokens}` (OpenAI, Azure OpenAI, Groq, vLLM gateways) and
 * `anthropic-ratelimit-{requests,tokens}-{limit,remaining,reset}` (API references, "Rate limits"). Nonsense counts as absent.
 */
export function readRateHeaders(headers: Headers): ReadLimits {
  const told: ReadLimits = {};
  const requests = openAi(headers, 'requests') ?? anthropic(headers, 'requests');
  // Anthropic's `tokens` are those of whichever of its token limits is nearest.
  const tokens = openAi(headers, 'tokens') ?? anthropic(headers, 'tokens');
  const inputTokens = tokens === undefined ? anthropic(headers, 'input-tokens') : undefined;
  if (requests !== undefined) told.requests = requests;
  if (tokens !== undefined) told.tokens = tokens;
  if (inputTokens !== undefined) told.inputTokens = inputTokens;
  return told;
}

function openAi(headers: Headers, kind: string): ToldLimit | undefined {
  return toldBy(headers, (what) => headers.get(`x-ratelimit-${what}-${kind}`));
}

function anthropic(headers: Headers, kind: string): ToldLimit | undefined {
  return toldBy(headers, (what) => headers.get(`anthropic-ratelimit-${kind}-${what}`));
}

function toldBy(headers: Headers, value: (what: string) => string | null): ToldLimit | undefined {
  const limit = count(value('limit'));
  const remaining = count(value('remaining'));
  const resetMs = untilReset(value('reset'), headers.get('date'));
  // Without one of these there is nothing to pace by; a limit of nothing is how some say "none".
  const positive = limit === 0 ? undefined : limit;
  if (positive === undefined && remaining === undefined) return undefined;
  return {
    ...(positive === undefined ? {} : { limit: positive }),
    ...(remaining === undefined ? {} : { remaining: Math.min(remaining, positive ?? remaining) }),
    ...(resetMs === undefined ? {} : { resetMs }),
  };
}

function count(text: string | null): number | undefined {
  const trimmed = text?.trim() ?? '';
  return /^\d{1,15}$/.test(trimmed) ? Number(trimmed) : undefined;
}

/** A duration (`1s`, `6m0s`, `120ms`), plain seconds (Azure), or a time (Anthropic), which is compared with the answer's own `date`. */
function untilReset(text: string | null, date: string | null): number | undefined {
  const value = text?.trim() ?? '';
  const ms = duration(value) ?? until(value, date);
  return ms !== undefined && ms <= longestMs ? ms : undefined;
}

function duration(value: string): number | undefined {
  if (/^\d{1,9}(\.\d{1,9})?$/.test(value)) return Number(value) * 1_000;
  if (!/^(\d{1,12}(\.\d{1,12})?(d|h|ms|m|s|us|µs))+$/.test(value)) return undefined;
  let total = 0;
  for (const [, amount, unit] of value.matchAll(/([\d.]+)(d|h|ms|m|s|us|µs)/g)) total += Number(amount) * (units[unit ?? ''] ?? 0);
  return total;
}

function until(value: string, date: string | null): number | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(value)) return undefined;
  const sent = Date.parse(date ?? '');
  const ms = Date.parse(value) - (Number.isNaN(sent) ? clock.now() : sent);
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}
