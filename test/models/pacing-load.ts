import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { WitnessEntry } from '../../src/apps/demo-model/witness-log.ts';
import { ModelError } from '../../src/modules/models/model-provider.ts';
import { OpenAiProvider } from '../../src/modules/models/openai/openai-provider.ts';
import type { PaceKey, PaceLease } from '../../src/modules/models/pacing/pace.ts';
import { Pacer, type PaceTiming } from '../../src/modules/models/pacing/pacer.ts';
import { countTokens } from '../../src/modules/models/tokens.ts';

/** A Pacer with a Redis connection of its own, as a replica has it. */
export interface PacingReplica {
  pacer: Pacer;
  redis: Redis;
  close: () => void;
}

/** One of `replicas` equal ones. `minuteMs`: the minute of the limits. */
export function pacingReplica(redisUrl: string, minuteMs: number, replicas = 3): PacingReplica {
  const redis = new Redis(redisUrl, { enableOfflineQueue: true, maxRetriesPerRequest: 1, commandTimeout: 2_000 });
  redis.on('error', () => undefined);
  const timing: PaceTiming = { windowMs: minuteMs, pauseCapMs: minuteMs };
  const load = { slots: 1, running: 0, serviceSeconds: null };
  const replica = { id: randomUUID(), loads: () => Array.from({ length: replicas }, () => load) };
  const pacer = new Pacer({ commands: redis }, replica, timing);
  const close = () => {
    pacer.onApplicationShutdown();
    redis.disconnect();
  };
  return { pacer, redis, close };
}

/** What one replica offers. */
export interface Load {
  modelUrl: string;
  /** API key and credential in one; the witness tells runs apart by it. */
  key: PaceKey;
  callsPerSecond: number;
  seconds: number;
  /** Bound of each answer; all of it is used up to `answerTokens`. */
  maxTokens: number;
  answerTokens: number;
  /** How long a call may wait, in milliseconds. */
  patienceMs: number;
  /** Without one nobody paces. */
  pacer?: Pacer | undefined;
  /** The Pacer is not shown what the provider says of its limits. */
  silent?: boolean | undefined;
  /** Fixed seeds give the same arrivals. */
  seed: number;
}

/** How the calls of one replica ended, as it believes. */
export interface LoadResult {
  offered: number;
  answered: number;
  /** Refused by the provider. */
  refused: number;
  /** Turned away here, before any call. */
  turnedAway: number;
  /** What else went wrong. */
  failures: string[];
  /** How long answered calls had waited for their share, in milliseconds. */
  waits: number[];
}

/** Offers calls at random times (Poisson), however the earlier ones fare. */
export async function offer(load: Load): Promise<LoadResult> {
  const provider = new OpenAiProvider({
    apiKey: load.key.credential,
    baseUrl: `${load.modelUrl}/v1`,
    idleTimeoutMs: 10_000,
    headersTimeoutMs: 10_000,
  });
  const result: LoadResult = { offered: 0, answered: 0, refused: 0, turnedAway: 0, failures: [], waits: [] };
  const random = seeded(load.seed);
  const calls: Promise<void>[] = [];
  const begin = performance.now();
  for (let due = 0; ;) {
    due += (-Math.log(1 - random()) * 1_000) / load.callsPerSecond;
    if (due > load.seconds * 1_000) break;
    const early = begin + due - performance.now();
    if (early > 0) await sleep(early);
    result.offered += 1;
    calls.push(call(provider, load, result));
  }
  await Promise.all(calls);
  await provider.close();
  return result;
}

async function call(provider: OpenAiProvider, load: Load, result: LoadResult): Promise<void> {
  const { key, maxTokens, answerTokens, pacer, patienceMs } = load;
  const content = `Go on, please. [[demo: {"tokens":${answerTokens}}]]`;
  const signal = new AbortController().signal;
  const begin = performance.now();
  let lease: PaceLease | undefined;
  try {
    lease = await pacer?.acquire({
      key,
      tokens: countTokens(content) + maxTokens,
      priority: 'live',
      deadlineAt: Date.now() + patienceMs,
      signal,
    });
  } catch {
    result.turnedAway += 1;
    return;
  }
  const waited = performance.now() - begin;
  let used: number | undefined;
  try {
    const { usage } = await provider.stream(
      {
        model: key.model,
        messages: [{ role: 'user', content }],
        maxOutputTokens: maxTokens,
        signal,
        deadlineAt: Date.now() + 30_000,
        onHeaders: (status, headers) => pacer?.observe(key, { status, headers: load.silent === true ? new Headers() : headers, lease }),
      },
      () => undefined,
    );
    used = usage === undefined ? undefined : usage.inputTokens + usage.outputTokens;
    result.answered += 1;
    result.waits.push(waited);
  } catch (error) {
    if (error instanceof ModelError && error.unserved) used = 0;
    if (error instanceof ModelError && error.failure === 'throttled') result.refused += 1;
    else result.failures.push(error instanceof ModelError ? error.failure : String(error));
  } finally {
    if (lease !== undefined) pacer?.settle(lease, used);
  }
}

/** What the provider's own log says of a run. */
export interface Judged {
  requests: number;
  refused: number;
  /** Part of all requests. */
  refusedPart: number;
  /** Part of the limit that was used, in whole windows of the clock. */
  usedPart: number;
  /** Part of the limit that was used in the window in which it was least. */
  leastPart: number;
}

/**
 * Judges a run by the witness' entries alone. Windows are those of the clock that lie wholly between the first request, or `warmUp`
 * windows later, and the end of the offer. `costOf`: what the provider counts for one request that it served.
 */
export function judge(
  entries: readonly WitnessEntry[],
  limits: { tokens: number; windowMs: number; seconds: number; warmUp: number; costOf: (entry: WitnessEntry) => number },
): Judged {
  const { tokens, windowMs, seconds, warmUp, costOf } = limits;
  const times = entries.map(({ started_at: at }) => Date.parse(at));
  const begin = Math.min(...times);
  const refused = entries.filter(({ status }) => status === 429).length;
  const windows = new Map<number, number>();
  const first = Math.ceil(begin / windowMs) + warmUp;
  const last = Math.floor((begin + seconds * 1_000) / windowMs) - 1;
  for (let window = first; window <= last; window += 1) windows.set(window, 0);
  for (const [index, entry] of entries.entries()) {
    const window = Math.floor((times[index] ?? 0) / windowMs);
    const sum = windows.get(window);
    if (entry.status === 200 && sum !== undefined) windows.set(window, sum + costOf(entry));
  }
  const parts = [...windows.values()].map((sum) => sum / tokens);
  return {
    requests: entries.length,
    refused,
    refusedPart: refused / entries.length,
    usedPart: parts.reduce((sum, part) => sum + part, 0) / parts.length,
    leastPart: Math.min(...parts),
  };
}

/** A small generator of numbers from 0 to 1 (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
