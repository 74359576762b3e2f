import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { expect, inject } from 'vitest';
import { clock } from '../../src/kernel/clock.ts';
import { digestOf } from '../../src/modules/models/pacing/pace-store.ts';
import type { PaceKey, PaceLease, PaceRequest } from '../../src/modules/models/pacing/pace.ts';
import { Pacer } from '../../src/modules/models/pacing/pacer.ts';
import { redisKeys } from '../../src/platform/redis/index.ts';

/** A minute of the limits that is long enough for nothing to flow in during a test, unless the test says so. */
export const minuteMs = 600_000;
const load = { slots: 1, running: 0, serviceSeconds: null };

const opened: { pacer: Pacer; redis: Redis; asked: number }[] = [];

/** A Pacer with a Redis connection of its own, as one of `replicas` has it. */
export function replica({ url = inject('redisUrl'), windowMs = minuteMs, replicas = 2 } = {}): Pacer {
  const redis = new Redis(url, { maxRetriesPerRequest: 1, commandTimeout: 1_000, retryStrategy: () => 50 });
  redis.on('error', () => undefined);
  const evalsha = redis.evalsha.bind(redis) as (...args: unknown[]) => Promise<unknown>;
  Object.assign(redis, {
    evalsha: (...args: unknown[]) => {
      open.asked += 1;
      return evalsha(...args);
    },
  });
  const pacer = new Pacer(
    { commands: redis },
    { id: randomUUID(), loads: () => Array.from({ length: replicas }, () => load) },
    { windowMs, pauseCapMs: windowMs },
  );
  const open = { pacer, redis, asked: 0 };
  opened.push(open);
  return pacer;
}

/** Ends the replicas of a test. */
export function closeReplicas(): void {
  for (const { pacer, redis } of opened.splice(0)) {
    pacer.onApplicationShutdown();
    redis.disconnect();
  }
}

/** How often a replica has asked Redis. */
export function askedOf(pacer: Pacer): number {
  return opened.find((open) => open.pacer === pacer)?.asked ?? Number.NaN;
}

export const newKey = (): PaceKey => ({ credential: randomUUID(), model: 'some-model' });

export const wanted = (key: PaceKey, tokens = 10, over: Partial<PaceRequest> = {}): PaceRequest => ({
  key,
  tokens,
  priority: 'live',
  deadlineAt: clock.now() + 10_000,
  signal: new AbortController().signal,
  ...over,
});

/** Headers of an answer. */
export function told(tokens: { limit?: number; left?: number; resetMs?: number }, more: Record<string, string> = {}): Headers {
  const headers = new Headers(more);
  if (tokens.limit !== undefined) headers.set('x-ratelimit-limit-tokens', String(tokens.limit));
  if (tokens.left !== undefined) headers.set('x-ratelimit-remaining-tokens', String(tokens.left));
  if (tokens.resetMs !== undefined) headers.set('x-ratelimit-reset-tokens', `${tokens.resetMs}ms`);
  return headers;
}

export async function taken(pacer: Pacer, key: PaceKey, tokens = 10): Promise<PaceLease> {
  const pace = await pacer.try(wanted(key, tokens));
  if (!pace.granted) throw new Error(`not granted for ${pace.waitMs} ms`);
  return pace.lease;
}

/** Has the key's limits learned, by an answer to one call, on the replica and in Redis. */
export async function learn(pacer: Pacer, key: PaceKey, headers: Headers, status = 200): Promise<void> {
  const lease = await taken(pacer, key, 1);
  pacer.observe(key, { status, headers, lease });
  pacer.settle(lease, 1);
  const seen = () => pacer.view().find((view) => view.key.credential === key.credential);
  await expect.poll(() => seen()?.tokens.limit ?? seen()?.pausedUntil, { interval: 5 }).toBeDefined();
}

/** What Redis holds of a key. */
export async function storedOf(key: PaceKey): Promise<Record<string, string>> {
  return (await opened[0]?.redis.hgetall(redisKeys.pace(digestOf(key)))) ?? {};
}

/** Has Redis forget a key. */
export async function forget(key: PaceKey): Promise<void> {
  await opened[0]?.redis.del(redisKeys.pace(digestOf(key)));
}

/** Replicas that have said in Redis that they wait. */
export async function linesOf(key: PaceKey): Promise<string[]> {
  return Object.keys(await storedOf(key)).filter((field) => field.startsWith('line:'));
}

/** How many of `count` calls are granted now. */
export async function grantedOf(pacer: Pacer, key: PaceKey, count: number, over: Partial<PaceRequest> = {}): Promise<number> {
  let granted = 0;
  for (let at = 0; at < count; at += 1) if ((await pacer.try(wanted(key, 10, over))).granted) granted += 1;
  return granted;
}
