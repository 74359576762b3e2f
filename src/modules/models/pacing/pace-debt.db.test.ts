import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { newKey } from '../../../../test/support/pacing-replicas.ts';
import { type PaceAsk, PaceStore } from './pace-store.ts';

let redis: Redis;
let store: PaceStore;
beforeAll(() => {
  redis = new Redis(inject('redisUrl'));
  store = new PaceStore({ commands: redis });
});
afterAll(() => redis.disconnect());

/** So long a window that nothing flows in while the test runs, however busy the machine is. */
const slowMs = 36_000_000;
const nothing = { requests: 0, tokens: 0 };
const question: PaceAsk = {
  ...{ replica: 'one', replicas: 2, windowMs: slowMs, taken: nothing, counted: { requests: false, tokens: false }, knownAt: 0 },
  ...{ allowedMs: 1_000, known: { tokens: 1_000 }, learned: [], unused: nothing, back: 0, line: false, calls: [], waiting: nothing },
};
/** What is there of the tokens after so many were granted without asking. A tenth of the limit was there before. */
async function levelAfter(tokens: number, over: Partial<PaceAsk>, before: Partial<PaceAsk> = {}): Promise<number | undefined> {
  const key = newKey();
  const first = await store.exchange(key, { ...question, ...before });
  const knownAt = first?.now ?? Number.NaN;
  const reply = await store.exchange(key, { ...question, taken: { requests: 1, tokens }, knownAt, ...over });
  return reply?.tokens.level;
}

describe('more than there is, granted without asking', () => {
  const counted = { requests: false, tokens: true };

  it('is owed by whoever knew of the limit', async () => {
    expect(await levelAfter(300, { counted })).toBeCloseTo(-200, -1);
  });

  it('empties the bucket, no more, where the limit or its last refusal was not known', async () => {
    const refused = { learned: [{ ageMs: 0, refused: true, cost: 10 }] };
    expect(await levelAfter(300, {})).toBeCloseTo(0, 0);
    expect(await levelAfter(300, { counted, knownAt: 0 }, refused)).toBeCloseTo(0, 0);
    expect(await levelAfter(300, { counted }, refused)).toBeCloseTo(-300, -1);
  });
});
