import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { PaceAsk, PaceReply } from './pace-store.ts';
import { PaceStore } from './pace-store.ts';
import { PaceTalk } from './pace-talk.ts';

const known = { guessed: false, granted: 0, total: 1_000 };
const calm: PaceReply = {
  now: 1,
  granted: 1,
  waitMs: 0,
  pausedMs: 0,
  requests: known,
  tokens: known,
  others: { requests: 0, tokens: 0 },
  calm: true,
  allowed: {},
};
const counted: PaceReply = { ...calm, tokens: { ...known, limit: 1_000, level: 100, rate: 1 }, allowed: { tokens: 50 } };
const call = { tokens: 10, live: true, waitedMs: 0 };

/** Redis, which answers when the test says so. */
class SlowStore extends PaceStore {
  readonly asks: PaceAsk[] = [];
  away = 0;
  private readonly answers: ((reply: PaceReply | undefined) => void)[] = [];

  constructor() {
    super({ commands: undefined as never });
  }

  override get awayMs(): number {
    return this.away;
  }

  override exchange(_key: unknown, ask: PaceAsk): Promise<PaceReply | undefined> {
    this.asks.push(structuredClone(ask));
    return new Promise((resolve) => this.answers.push(resolve));
  }

  answer(reply: PaceReply | undefined): void {
    this.answers.shift()?.(reply);
  }
}

let store: SlowStore;
let talk: PaceTalk;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
  store = new SlowStore();
  const context = { store, replicaId: 'one', replicas: () => 2, windowMs: 60_000, pauseCapMs: 60_000 };
  talk = new PaceTalk({ credential: 'some', model: 'model' }, context);
});
afterEach(() => vi.useRealTimers());

/** Asks, and has Redis answer so. */
async function heard(reply: PaceReply | undefined): Promise<void> {
  const asked = talk.ask([call]);
  store.answer(reply);
  await asked;
}

const answered = (over: object = {}) => ({ at: performance.now(), refused: false, cost: 10, ...over });

describe('what may be granted without asking', () => {
  it('is nothing before Redis has allowed it, and what it has allowed after', async () => {
    expect(talk.grantAtOnce(10)).toBeUndefined();
    await heard(counted);
    // Marks go on from what Redis had granted, and the call it was asked for.
    expect(talk.grantAtOnce(30)).toEqual({ requests: 1_002, tokens: 1_040 });
    expect(talk.grantAtOnce(30)).toBeUndefined();
    expect(talk.grantAtOnce(20)).toEqual({ requests: 1_003, tokens: 1_060 });
    void talk.ask([]);
    expect(store.asks.at(-1)).toMatchObject({
      taken: { requests: 2, tokens: 50 },
      counted: { requests: false, tokens: true },
      largest: 30,
    });
  });

  it('is for a second', async () => {
    await heard(calm);
    vi.advanceTimersByTime(999);
    expect(talk.grantAtOnce(10)).toBeDefined();
    vi.advanceTimersByTime(1);
    expect(talk.grantAtOnce(10)).toBeUndefined();
  });

  it('is given up with the next question where it is counted: Redis gives it to others then', async () => {
    await heard(counted);
    const asked = talk.ask([call]);
    expect(talk.grantAtOnce(10)).toBeUndefined();
    const again = talk.ask([call]);
    store.answer(counted);
    await asked;
    // Redis has taken that back with the second question.
    expect(talk.grantAtOnce(10)).toBeUndefined();
    store.answer(counted);
    await again;
    expect(talk.grantAtOnce(10)).toBeDefined();
  });

  it('goes on while Redis is asked where no limit is known', async () => {
    await heard(calm);
    void talk.ask([]);
    expect(talk.grantAtOnce(1_000_000)).toBeDefined();
  });

  it.each<[string, object]>([
    ['a refusal', { refused: true }],
    ['the first word on a limit', { tokens: { limit: 1_000 } }],
    ['a limit that is not told', { requests: { remaining: 7 } }],
  ])('ends with %s, which is told soon', async (_what, news) => {
    await heard(calm);
    expect(talk.gatherMs).toBe(250);
    talk.hear(answered(news));
    expect(talk.grantAtOnce(10)).toBeUndefined();
    expect(talk.gatherMs).toBe(20);
    // An answer to an earlier question does not know of it.
    const asked = talk.ask([call]);
    talk.hear(answered({ refused: true }));
    store.answer(calm);
    await asked;
    expect(talk.grantAtOnce(10)).toBeUndefined();
  });

  it('goes on with what is known already while much is left', async () => {
    await heard(counted);
    talk.hear(answered({ tokens: { limit: 1_000, remaining: 200 } }));
    expect([talk.gatherMs, talk.grantAtOnce(10) !== undefined]).toEqual([250, true]);
    talk.hear(answered({ tokens: { limit: 1_000, remaining: 199 } }));
    expect([talk.gatherMs, talk.grantAtOnce(10) !== undefined]).toEqual([20, false]);
  });

  it('ends when Redis is away, or others wait', async () => {
    await heard(calm);
    await heard(undefined);
    expect(talk.grantAtOnce(10)).toBeUndefined();
    await heard(calm);
    const { allowed: _, ...busy } = calm;
    await heard({ ...busy, calm: false });
    expect(talk.grantAtOnce(10)).toBeUndefined();
    expect(talk.gatherMs).toBe(20);
  });

  it('is wanted by whoever called of late', async () => {
    await heard(calm);
    talk.grantAtOnce(40);
    for (const largest of [40, 40, undefined]) {
      await heard(calm);
      expect(store.asks.at(-1)?.largest).toBe(largest);
    }
  });
});

describe('what is learned while Redis is left alone', () => {
  it('is kept, and told after that', async () => {
    await heard(calm);
    talk.hear(answered({ refused: true }));
    talk.news.giveBack(7);
    store.away = 1_000;
    expect(await talk.ask([call])).toBeUndefined();
    expect([store.asks.length, talk.grantAtOnce(10)]).toEqual([1, undefined]);
    store.away = 0;
    await heard(calm);
    expect(store.asks.at(-1)).toMatchObject({ learned: [{ refused: true }], back: 7 });
  });

  it('is so for a second after Redis did not answer', async () => {
    const commands = { evalsha: () => Promise.reject(new Error('away')) };
    const real = new PaceStore({ commands: commands as never });
    expect(real.awayMs).toBe(0);
    await real.exchange({ credential: 'some', model: 'model' }, {} as never);
    expect(real.awayMs).toBe(1_000);
    vi.advanceTimersByTime(1_000);
    expect(real.awayMs).toBe(0);
  });
});
