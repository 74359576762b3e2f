import { createHash, randomUUID } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type RunningDemoModel, startDemoModel } from '../../src/apps/demo-model/server.ts';
import { digestOf } from '../../src/modules/models/pacing/pace-store.ts';
import { redisKeys } from '../../src/platform/redis/index.ts';
import { judge, type Judged, type LoadResult, type PacingReplica, startPacingReplica } from './pacing-load.ts';

// PACING_MINUTE_MS=60000 npm test -- test/models/pacing.test.ts is the same with real minutes; it takes four of them.
const minuteMs = Number(process.env['PACING_MINUTE_MS'] ?? 4_000);
const windows = 4;
const seconds = (windows * minuteMs) / 1_000;
/** Tokens a minute that the model lets through, for each key. */
const smallLimit = Math.max(4_000, minuteMs / 2);
/** The same where calls are small beside it, so that replicas grant some without asking. */
const largeLimit = 5 * smallLimit;
const replicas = 3;
/** Whoever stood still for so long, in milliseconds, has sent in heaps what was granted evenly: such a run says nothing of pacing. */
const stillMs = minuteMs / 20;
const attempts = 3;
/** The load is so many times what the limit allows. */
const overload = 3;
/** Where it fits: so much of it. */
const underload = 0.9;
/** Tokens of the prompt by the model's own count. */
const promptTokens = 10;

interface Run {
  kind: 'bucket' | 'window';
  /** What the model counts of a request: what it may become, or what it became. */
  counts: 'reserved' | 'used';
  maxTokens: number;
  answerTokens: number;
  paced: boolean;
  /** The load is less than a limit that is large. */
  roomy?: true;
  /** Redis loses all that it knows in the middle of the run. */
  flush?: true;
  /** The Pacer hears nothing but refusals. */
  silent?: true;
}

const servers: RunningDemoModel[] = [];
let fleet: PacingReplica[];
let redis: Redis;
beforeAll(async () => {
  const setup = { redisUrl: inject('redisUrl'), minuteMs, replicas };
  redis = new Redis(setup.redisUrl);
  fleet = await Promise.all(Array.from({ length: replicas }, () => startPacingReplica(setup)));
});
afterAll(async () => {
  await Promise.all(fleet.map(({ close }) => close()));
  redis.disconnect();
  for (const server of servers) await server.close();
});

/** One load on one key of a model of its own, judged by that model's own log. */
async function run({ kind, counts, maxTokens, answerTokens, paced, roomy, flush, silent }: Run) {
  const limit = roomy === true ? largeLimit : smallLimit;
  const server = await startDemoModel({
    tokensPerSecond: 0,
    firstTokenMs: 20,
    limits: { tokens: limit, window_ms: minuteMs, kind, counts },
  });
  servers.push(server);
  const key = { credential: randomUUID(), model: 'demo-small' };
  const cost = promptTokens + (counts === 'used' ? answerTokens : maxTokens);
  const callsPerSecond = ((roomy === true ? underload : overload) * limit * 1_000) / minuteMs / cost / replicas;
  const flushing = flush === true ? setTimeout(() => void redis.del(redisKeys.pace(digestOf(key))), seconds * 500) : undefined;
  const results = await Promise.all(
    fleet.map((replica, index) => {
      const load = { modelUrl: server.url, key, callsPerSecond, seconds, maxTokens, answerTokens, patienceMs: minuteMs, seed: index + 1 };
      return replica.offer({ ...load, paced, silent });
    }),
  );
  clearTimeout(flushing);
  const digest = createHash('sha256').update(key.credential).digest('hex').slice(0, 12);
  const entries = server.witness.entries({ limit: Infinity }).entries.filter((entry) => entry.key_digest === digest);
  const judged = judge(entries, {
    tokens: limit,
    windowMs: minuteMs,
    seconds,
    warmUp: 1,
    costOf: (entry) => entry.prompt_tokens + (counts === 'used' ? entry.tokens_served : maxTokens),
  });
  const offered = results.reduce((sum, each) => sum + each.offered, 0);
  const stoodMs = Math.max(...results.map((each) => each.stoodMs));
  return { results, judged, offered, limit, stoodMs, overLimit: (offered * cost) / (limit * windows) };
}

interface Outcome {
  results: LoadResult[];
  judged: Judged;
  offered: number;
  limit: number;
  /** Offered, as a part of the limit. */
  overLimit: number;
  stoodMs: number;
}

function said(name: string, { results, judged, offered, limit }: Outcome): void {
  const percent = (part: number) => `${(part * 100).toFixed(1)} %`;
  const counts = results.map(({ answered }) => answered).join('/');
  process.stdout.write(
    `${name}: offered ${offered}, sent ${judged.requests}, refused ${judged.refused} (${percent(judged.refusedPart)}), ` +
      `used ${percent(judged.usedPart)} of ${limit} tokens a window (least ${percent(judged.leastPart)}), answered by replica ${counts}, ` +
      `Redis asked ${results.reduce((sum, { asked }) => sum + asked, 0)} times\n`,
  );
}

describe('three replicas that are asked for three times what a key may', () => {
  const small = { maxTokens: 40, answerTokens: 40 };
  const runs: [string, Run][] = [
    ['a bucket', { kind: 'bucket', counts: 'reserved', ...small, paced: true }],
    ['windows', { kind: 'window', counts: 'reserved', ...small, paced: true }],
    ['a bucket of what is used', { kind: 'bucket', counts: 'used', maxTokens: 200, answerTokens: 40, paced: true }],
    ['a bucket, and Redis forgets', { kind: 'bucket', counts: 'reserved', ...small, paced: true, flush: true }],
    ['no limits told', { kind: 'bucket', counts: 'reserved', ...small, paced: true, silent: true }],
    ['most of windows', { kind: 'window', counts: 'reserved', ...small, paced: true, roomy: true }],
    ['nobody paces', { kind: 'bucket', counts: 'reserved', ...small, paced: false }],
  ];
  const outcomes = new Map<string, Outcome>();
  // All at once: each has a key and a model of its own, and they cost little.
  beforeAll(
    async () => {
      for (let attempt = 1; ; attempt += 1) {
        // What the model does late it also counts late.
        const stood = monitorEventLoopDelay({ resolution: 5 });
        stood.enable();
        const ended = await Promise.all(runs.map(async ([name, options]) => [name, await run(options)] as const));
        stood.disable();
        for (const [name, outcome] of ended) {
          outcomes.set(name, outcome);
          said(name, outcome);
        }
        const longest = Math.max(stood.max / 1e6, ...ended.map(([, { stoodMs }]) => stoodMs));
        if (longest < stillMs || attempt === attempts) return;
        process.stdout.write(`A process stood still for ${longest.toFixed(0)} ms: the machine was too busy, once more.\n`);
      }
    },
    attempts * seconds * 1_000 + 60_000,
  );

  it.each(runs.filter(([, { paced, silent, roomy }]) => paced && silent !== true && roomy !== true))(
    'use the limit and are hardly ever refused: %s',
    (name, { flush }) => {
      const { judged, results, overLimit } = outcomes.get(name) as Outcome;
      expect(overLimit).toBeGreaterThan(2.5);
      expect(judged.usedPart).toBeGreaterThan(0.9);
      expect(judged.refusedPart).toBeLessThan(flush === true ? 0.03 : 0.01);
      expect(results.flatMap(({ failures }) => failures)).toEqual([]);
      // Nobody is left out.
      expect(Math.min(...results.map(({ answered }) => answered))).toBeGreaterThan(judged.requests / 6);
    },
  );

  it.each(runs.filter(([, { roomy }]) => roomy === true))(
    'make nobody wait long, and are hardly ever refused, with less than that: %s',
    (name) => {
      const { judged, results, overLimit } = outcomes.get(name) as Outcome;
      expect(overLimit).toBeGreaterThan(underload - 0.1);
      expect(judged.refusedPart).toBeLessThan(0.01);
      expect(results.flatMap(({ failures }) => failures)).toEqual([]);
      expect(results.reduce((sum, { turnedAway }) => sum + turnedAway, 0)).toBe(0);
      const waits = results.flatMap((each) => each.waits).sort((a, b) => a - b);
      expect(waits[Math.floor(waits.length / 2)]).toBeLessThan(minuteMs / 100);
    },
  );

  it('find a limit of which nobody tells them by being refused', () => {
    const { judged } = outcomes.get('no limits told') as Outcome;
    expect(judged.usedPart).toBeGreaterThan(0.6);
    // A few for each time that the limit is tried, and those that were under way when it was met first.
    expect(judged.refused).toBeGreaterThan(0);
    expect(judged.refusedPart).toBeLessThan(0.15);
  });

  it('are refused a lot when nobody paces', () => {
    const { judged } = outcomes.get('nobody paces') as Outcome;
    expect(judged.refusedPart).toBeGreaterThan(0.4);
  });
});
