/** A replica of `pacing.test.ts`: the Pacer and the provider of the built server in a process of their own, asked over IPC. */
import { randomUUID } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { PaceLease } from '../../src/modules/models/pacing/pace.ts';
import type { Load, LoadResult, PacingSetup } from './pacing-load.ts';

// The sources have decorators, which Node does not run; they are loaded as they were built.
const built = (file: string) => import(new URL(`../../dist/src/${file}`, import.meta.url).href);
const { ModelError } = (await built('modules/models/model-provider.js')) as typeof import('../../src/modules/models/model-provider.ts');
const { OpenAiProvider } = (await built(
  'modules/models/openai/openai-provider.js',
)) as typeof import('../../src/modules/models/openai/openai-provider.ts');
const { Pacer } = (await built('modules/models/pacing/pacer.js')) as typeof import('../../src/modules/models/pacing/pacer.ts');
const { digestOf } = (await built('modules/models/pacing/pace-store.js')) as typeof import('../../src/modules/models/pacing/pace-store.ts');
const { countTokens } = (await built('modules/models/tokens.js')) as typeof import('../../src/modules/models/tokens.ts');
const { redisKeys } = (await built('platform/redis/index.js')) as typeof import('../../src/platform/redis/index.ts');
type Provider = InstanceType<typeof OpenAiProvider>;

const { redisUrl, minuteMs, replicas } = JSON.parse(process.argv[2] ?? '') as PacingSetup;
const redis = new Redis(redisUrl, { enableOfflineQueue: true, maxRetriesPerRequest: 1, commandTimeout: 2_000 });
redis.on('error', () => undefined);
/** Exchanges with Redis, by key. */
const asked = new Map<unknown, number>();
const evalsha = redis.evalsha.bind(redis) as (...args: unknown[]) => Promise<unknown>;
Object.assign(redis, {
  evalsha: (...args: unknown[]) => {
    asked.set(args[2], (asked.get(args[2]) ?? 0) + 1);
    return evalsha(...args);
  },
});
const place = { slots: 1, running: 0, serviceSeconds: null };
const replica = { id: randomUUID(), loads: () => Array.from({ length: replicas }, () => place) };
const shared = new Pacer({ commands: redis }, replica, { windowMs: minuteMs, pauseCapMs: minuteMs });

/** Offers calls at random times (Poisson), however the earlier ones fare. */
async function offer(load: Load): Promise<LoadResult> {
  const provider = new OpenAiProvider({
    apiKey: load.key.credential,
    baseUrl: `${load.modelUrl}/v1`,
    idleTimeoutMs: 10_000,
    headersTimeoutMs: 10_000,
  });
  const result: LoadResult = { offered: 0, answered: 0, refused: 0, turnedAway: 0, failures: [], waits: [], asked: 0, stoodMs: 0 };
  const stood = monitorEventLoopDelay({ resolution: 5 });
  stood.enable();
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
  stood.disable();
  return { ...result, asked: asked.get(redisKeys.pace(digestOf(load.key))) ?? 0, stoodMs: stood.max / 1e6 };
}

async function call(provider: Provider, load: Load, result: LoadResult): Promise<void> {
  const { key, maxTokens, answerTokens, patienceMs } = load;
  const pacer = load.paced ? shared : undefined;
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

process.on('message', ({ id, load }: { id: number; load: Load }) => void offer(load).then((result) => process.send?.({ id, result })));
// Also when the test has ended without a goodbye.
process.on('disconnect', () => process.exit());
// The first count reads the tokenizer's tables, which takes a while.
countTokens('Go on, please.');
await redis.ping();
process.send?.('ready');
