import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openChat } from '../support/chat-client.ts';
import { acknowledgements } from './acknowledgements.ts';
import { selfTest } from './planted/self-test.ts';
import { reportOf } from './report.ts';
import type { Fault } from './schedule.ts';
import { seededRun } from './seeded-run.ts';
import { FaultStack } from './support/fault-stack.ts';

/** The short form of the fault run; `npm run test:faults` is the long one. */
const seed = 20;
let stack: FaultStack;

beforeAll(async () => {
  stack = await FaultStack.start({ seed, replicas: 3, tenants: 5, fsync: false, proxy: 'none' });
}, 90_000);
afterAll(() => stack.close(), 30_000);

test('P1: while COMMIT is held, no message is acknowledged', { timeout: 30_000 }, async () => {
  const [replica, tenant] = [stack.replicas[0], stack.tenants[0]];
  if (replica === undefined || tenant === undefined) throw new Error('the stack is empty');
  const query = new URLSearchParams({ bot_id: tenant.botId, visitor_id: 'held' });
  const client = await openChat(`${replica.url.replace('http', 'ws')}/v1/chat?${query.toString()}`, { credential: tenant.apiKey });
  const ask = async (conversation: string) => {
    const requestId = client.ask(conversation, `T${tenant.letter}xheld ${conversation} [[demo: {"tokens":3}]]`);
    const began = performance.now();
    await client.until('start', (frame) => frame.type === 'start' && frame.requestId === requestId);
    return { took: performance.now() - began, turns: await countTurns(), requestId };
  };
  // The first one fills the caches, so that the next one has no other transaction before its commit.
  const first = await ask('warm');
  await client.answer(first.requestId);
  stack.behind.postgres.holdCommits(500);
  const held = await ask('held');
  stack.behind.postgres.holdCommits(0);
  expect(held.took).toBeGreaterThan(495);
  expect(held.turns).toBe(first.turns + 1);
  await client.answer(held.requestId);
  await client.close();
});

test('P1–P8: the checker catches every planted bug, and nothing where none was planted', { timeout: 60_000 }, async () => {
  const caught = await selfTest(stack, seed);
  expect(caught.filter(({ ok }) => !ok)).toEqual([]);
  expect(caught.length).toBeGreaterThan(6);
});

test('P1: twenty acknowledgements over five kills, and all of them are there', { timeout: 120_000 }, async () => {
  const result = await acknowledgements(stack, { seed, acks: 20, kills: 5, say: () => undefined });
  expect(result.violations.slice(0, 20)).toEqual([]);
  expect(result.acknowledged).toBeGreaterThanOrEqual(20);
});

test(
  'P1, P3, P5, P8, P10: sixty streams over kills, a sleeper, a flush and a Postgres restart lose, repeat and mix up nothing',
  {
    timeout: 150_000,
  },
  async () => {
    const faults: Fault[] = [
      { atMs: 2_000, kind: 'kill', replica: 0, backAfterMs: 500 },
      { atMs: 5_000, kind: 'flush-redis' },
      { atMs: 8_000, kind: 'pause', replica: 1, forMs: 7_000 },
      { atMs: 14_000, kind: 'restart-postgres' },
      { atMs: 17_000, kind: 'kill', replica: 2, backAfterMs: 500 },
      { atMs: 21_000, kind: 'restart-redis-empty' },
      { atMs: 24_000, kind: 'terminate', replica: 0, backAfterMs: 500 },
      { atMs: 27_000, kind: 'bad-network', where: 'clients', how: { delayMs: 20, slices: 1, resetChance: 0.003 }, forMs: 4_000 },
      { atMs: 31_000, kind: 'kill', replica: 1, backAfterMs: 500 },
    ];
    const answers = { tokensPerSecond: 20, words: { least: 40, most: 100 } };
    const run = await seededRun(stack, { seed, streams: 60, answers, durationMs: 40_000, faults, say: () => undefined });
    const report = reportOf(run.evidence, run.verdict, run.injector);
    expect(run.verdict.violations.slice(0, 20)).toEqual([]);
    // Otherwise nothing was tried.
    expect(report.faults).toEqual({
      kill: 3,
      'flush-redis': 1,
      pause: 1,
      'restart-postgres': 1,
      'restart-redis-empty': 1,
      terminate: 1,
      'bad-network': 1,
      skipped: 0,
    });
    expect(report.messages.complete).toBeGreaterThan(100);
    expect(report.pause.count).toBeGreaterThan(0);
  },
);

async function countTurns(): Promise<number> {
  const client = new pg.Client({ connectionString: stack.owner.main });
  await client.connect();
  const found = await client.query<{ count: string }>('SELECT count(*) AS count FROM turns');
  await client.end();
  return Number(found.rows[0]?.count);
}
