import { expect, it } from 'vitest';
import { clock } from '../../../../kernel/clock.ts';
import type { LogProducer } from '../../stream/log-producer.ts';
import type { TurnEnd } from '../turn-quota.ts';
import type { TurnRun } from '../turn-run.ts';
import type { TurnTools } from '../turn-tools.ts';
import { AnswerWriter } from './answer-writer.ts';
import { ProviderCalls } from './provider-calls.ts';
import { UsageLedger } from './usage-ledger.ts';

const granted = 16;
const planned = { target: 'a', model: 'm', inputBound: 100, maxOutputTokens: granted, price: { input: 0, output: 0 } };
const cut = { outcome: 'truncated', unserved: false } as const;

/** The calls of a first attempt whose first call is reserved; what was settled on the way. */
function firstAttempt() {
  const settled: TurnEnd[] = [];
  const writer = new AnswerWriter(
    { producer: { add: () => undefined, addText: () => undefined } as unknown as LogProducer, attempt: 1, limit: 1_000_000 },
    { opening: [], prefix: '', partId: undefined },
  );
  const reservation = { input: 1_000, output: granted, cost: 0 };
  const run = {
    tenantId: 't',
    deadlineAt: clock.now() + 5_000,
    writer,
    reserved: reservation,
    turn: { modelCalls: 1, attempt: 1, id: 'x', botId: 'b', visitorId: 'v' },
  };
  const quota = {
    limitsOf: () => Promise.resolve({}),
    reserved: () => Promise.resolve(undefined),
    reserveNext: () => Promise.resolve(reservation),
    settle: (_tx: unknown, _tenant: string, _turn: string, end: TurnEnd) => Promise.resolve(settled.push(end)),
  };
  const tx = { query: () => Promise.resolve({ rows: [{}], rowCount: 1 }) };
  const database = { forTenant: (_tenant: string, work: (with_: typeof tx) => unknown) => work(tx) };
  const tools = { storage: { quota, database } };
  const calls = new ProviderCalls(run as unknown as TurnRun, tools as unknown as TurnTools, new UsageLedger(10, false));
  const show = (words: number) => {
    writer.beginCall();
    writer.add('word '.repeat(words));
  };
  return { calls, writer, settled, show };
}

it('P6: a call that is followed by another is booked with what it has shown beyond its bound', async () => {
  const { calls, settled, show } = firstAttempt();
  await calls.begin(planned);
  show(1_000);
  calls.end(cut);
  const asLast = calls.use();
  expect(asLast?.shownTokens).toBeGreaterThanOrEqual(1_000);
  await calls.begin({ ...planned, target: 'b' });
  expect(settled).toMatchObject([{ use: { ...asLast, target: 'a' } }]);
  // The next one answers for its own text.
  show(10);
  calls.end(cut);
  expect(calls.use()).toMatchObject({ target: 'b', shownTokens: 0 });
});

it('P6: what was taken back was shown all the same', async () => {
  const { calls, writer, settled, show } = firstAttempt();
  await calls.begin(planned);
  show(500);
  calls.end(cut);
  calls.close();
  writer.restart();
  calls.close();
  await calls.begin({ ...planned, target: 'b' });
  expect(settled[0]?.use?.shownTokens).toBeGreaterThanOrEqual(500);
});

it('a call that nobody has ended is booked with what it shows, one that the provider counted with its count', async () => {
  const { calls, show } = firstAttempt();
  expect(calls.untouched).toBe(true);
  await calls.begin(planned);
  expect(calls.untouched).toBe(false);
  show(300);
  expect(calls.use()).toMatchObject({ outcome: 'lost', tokens: undefined });
  expect(calls.use()?.shownTokens).toBeGreaterThanOrEqual(300);
  calls.end({ ...cut, usage: { inputTokens: 40, outputTokens: 7 } });
  expect(calls.use()).toMatchObject({ tokens: { input: 40, output: 7 }, shownTokens: 0 });
});
