import { z } from 'zod';
import { ApiError, invalidRequest } from './api-error.ts';

/** Limits that are enforced for each API key and model. The README beside this file explains each field. */
export const LimitSettings = z.strictObject({
  requests: z.int().min(1).max(1_000_000_000).optional(),
  tokens: z.int().min(1).max(1_000_000_000_000).optional(),
  window_ms: z.int().min(100).max(86_400_000).default(60_000),
  kind: z.enum(['bucket', 'window']).default('bucket'),
  counts: z.enum(['reserved', 'used']).default('reserved'),
});
export type LimitSettings = z.infer<typeof LimitSettings>;

/** What a request is going to cost. */
export interface Cost {
  keyDigest: string | null;
  model: string;
  promptTokens: number;
  /** The caller's bound of the answer; undefined when it named none. */
  maxTokens: number | undefined;
}

/** A bound that a caller did not name counts as this many tokens (OpenAI counts 16, the old default of its completions). */
const defaultMaxTokens = 16;
/** Keys and models that are told apart at most; the oldest are forgotten. */
const maxKnown = 10_000;

type Dimension = 'requests' | 'tokens';
type Meter = Record<Dimension, { left: number; at: number }>;

/**
 * Refuses what is over a limit of requests or tokens, with OpenAI's 429 and headers. A `bucket` holds one limit and fills
 * continuously, as OpenAI's do; a `window` begins anew every `window_ms` of the clock. What is refused costs nothing.
 */
export class EnforcedLimits {
  #settings: LimitSettings | undefined;
  readonly #meters = new Map<string, Meter>();

  /** Sets limits from a JSON body, and begins anew. Throws ApiError when it is not valid. */
  set(body: unknown): LimitSettings {
    const parsed = LimitSettings.safeParse(body);
    if (!parsed.success) throw invalidRequest(parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`).join('; '));
    this.#meters.clear();
    return (this.#settings = parsed.data);
  }

  /** Enforces nothing any more. */
  clear(): void {
    this.#settings = undefined;
    this.#meters.clear();
  }

  get active(): boolean {
    return this.#settings?.requests !== undefined || this.#settings?.tokens !== undefined;
  }

  /** Takes a request's cost; gives the headers of its answer. Throws the 429 when there is not enough left. `now`: milliseconds. */
  admit(cost: Cost, now = Date.now()): Record<string, string> {
    const settings = this.#settings;
    if (settings === undefined) return {};
    const answer = settings.counts === 'used' ? 0 : (cost.maxTokens ?? defaultMaxTokens);
    const needed: Record<Dimension, number> = { requests: 1, tokens: cost.promptTokens + answer };
    const meter = this.#meter(cost, now);
    const short = dimensions.find((dimension) => settings[dimension] !== undefined && meter[dimension].left < needed[dimension]);
    if (short !== undefined) {
      throw new ApiError(429, 'rate_limit_exceeded', `Rate limit reached for ${cost.model} on ${short}: Limit ${settings[short]}.`, {
        type: short,
        headers: { ...this.#headers(settings, meter, now), ...retryAfter(settings, short, needed[short] - meter[short].left, now) },
      });
    }
    for (const dimension of dimensions) meter[dimension].left -= needed[dimension];
    return this.#headers(settings, meter, now);
  }

  /** Counts the tokens of an answer once they are served, where `counts` is `used`. What is left may fall below nothing. */
  served(cost: Cost, tokens: number, now = Date.now()): void {
    if (this.#settings?.counts === 'used') this.#meter(cost, now).tokens.left -= tokens;
  }

  #meter({ keyDigest, model }: Cost, now: number): Meter {
    const name = `${keyDigest} ${model}`;
    let meter = this.#meters.get(name);
    if (meter === undefined) {
      for (const oldest of this.#meters.keys()) {
        if (this.#meters.size < maxKnown) break;
        this.#meters.delete(oldest);
      }
      meter = { requests: { left: Infinity, at: -Infinity }, tokens: { left: Infinity, at: -Infinity } };
      this.#meters.set(name, meter);
    }
    if (this.#settings !== undefined) for (const dimension of dimensions) fill(this.#settings, dimension, meter, now);
    return meter;
  }

  #headers(settings: LimitSettings, meter: Meter, now: number): Record<string, string> {
    const headers: Record<string, string> = {};
    for (const dimension of dimensions) {
      const limit = settings[dimension];
      if (limit === undefined) continue;
      const left = Math.max(0, Math.floor(meter[dimension].left));
      const resetMs = settings.kind === 'window' ? untilNextWindow(settings, now) : ((limit - left) * settings.window_ms) / limit;
      headers[`x-ratelimit-limit-${dimension}`] = String(limit);
      headers[`x-ratelimit-remaining-${dimension}`] = String(left);
      headers[`x-ratelimit-reset-${dimension}`] = duration(resetMs);
    }
    return headers;
  }
}

const dimensions = ['requests', 'tokens'] as const;

function fill(settings: LimitSettings, dimension: Dimension, meter: Meter, now: number): void {
  const limit = settings[dimension];
  if (limit === undefined) return;
  const { left, at } = meter[dimension];
  const sameWindow = Math.floor(at / settings.window_ms) === Math.floor(now / settings.window_ms);
  const filled = settings.kind === 'bucket' ? left + ((now - at) * limit) / settings.window_ms : sameWindow ? left : limit;
  // `left` is infinite for who is new.
  meter[dimension] = { left: Math.min(limit, filled), at: now };
}

function retryAfter(settings: LimitSettings, dimension: Dimension, missing: number, now: number): Record<string, string> {
  const ms = settings.kind === 'window' ? untilNextWindow(settings, now) : (missing * settings.window_ms) / (settings[dimension] ?? 1);
  return { 'retry-after': String(Math.ceil(ms / 1_000)), 'retry-after-ms': String(Math.ceil(ms)) };
}

function untilNextWindow({ window_ms: windowMs }: LimitSettings, now: number): number {
  return windowMs - (now % windowMs);
}

/** Milliseconds as OpenAI writes them: `120ms`, `1.5s`, `6m0s`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.ceil(ms)}ms`;
  const seconds = Math.ceil(ms) / 1_000;
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${Math.round((seconds % 60) * 1_000) / 1_000}s`;
}
