import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type TestStack, testStack } from '../../../../test/support/stack.ts';
import { newUuid } from '../../../kernel/ids.ts';
import { rows, type Transaction } from '../../../platform/database/index.ts';
import {
  type CallToReserve,
  type CallUse,
  makeCounters,
  NotReserved,
  openReservation,
  holdWindows,
  reserveCall,
  settleCalls,
  type WindowLimits,
} from './quota-ledger.ts';

let stack: TestStack;
let tenantId: string;
const unlimited: WindowLimits = { messages: null, tokens: null, cost: null };
const price = { input: 2_000_000, output: 8_000_000 };

beforeAll(async () => {
  stack = await testStack();
});
afterAll(() => stack.close());
beforeEach(async () => {
  tenantId = (await stack.tenant()).tenantUuid;
});

const run = <T>(work: (tx: Transaction) => Promise<T>) => stack.db.forTenant(tenantId, work);
const counters = (visitorId: string | null = null) => run((tx) => makeCounters(tx, tenantId, visitorId));
const stand = async (visitorId: string | null = null) =>
  (await run((tx) => holdWindows(tx, tenantId, visitorId))).map(({ subject, messages, tokens, cost }) => ({
    subject,
    messages,
    tokens,
    cost,
  }));
const call = (more: Partial<CallToReserve> = {}): CallToReserve => ({
  ...{ id: newUuid(), kind: 'chat', turnId: newUuid(), call: 1, botId: newUuid(), visitorId: newUuid(), apiKeyId: null, messages: 1 },
  ...{ input: 100, output: 50, price, ...more },
});
const use = (more: Partial<CallUse> = {}): CallUse => ({
  ...{
    call: 1,
    tokens: { input: 30, output: 20 },
    shownTokens: 0,
    unserved: false,
    outcome: 'stop',
    target: 'demo',
    model: 'demo-large',
    price,
  },
  ...more,
});
const quickly = (what: CallToReserve, limits: Partial<WindowLimits> = {}, ofVisitor: WindowLimits | null = null) =>
  run((tx) => reserveCall(tx, tenantId, what, { ...unlimited, ...limits }, ofVisitor));
/** The way of a send: at once, else with the counters held. */
const reserve = (what: CallToReserve, limits: Partial<WindowLimits> = {}, ofVisitor: WindowLimits | null = null) =>
  quickly(what, limits, ofVisitor).catch((error: unknown) => {
    if (!(error instanceof NotReserved)) throw error;
    return run(async (tx) => {
      const visitorId = ofVisitor === null ? null : what.visitorId;
      await makeCounters(tx, tenantId, visitorId);
      await holdWindows(tx, tenantId, visitorId);
      return reserveCall(tx, tenantId, what, { ...unlimited, ...limits }, ofVisitor, true);
    });
  });
const ledger = () =>
  run(async (tx) => (await tx.query('SELECT * FROM provider_calls WHERE tenant_id = $1 ORDER BY created_at, call', [tenantId])).rows);

describe('P6: a reservation', () => {
  it('holds tokens, money and a message', async () => {
    await expect(quickly(call())).rejects.toBeInstanceOf(NotReserved);
    expect(await reserve(call())).toEqual({ input: 100, output: 50, cost: 600 });
    expect(await stand()).toEqual([{ subject: 'tenant', messages: 1, tokens: 150, cost: 600 }]);
    expect(await ledger()).toMatchObject([{ state: 'reserved', reserved_input: 100, reserved_output: 50, reserved_cost: '600' }]);
  });

  it.each([
    ['messages', { messages: 2 }],
    ['tokens', { tokens: 300 }],
    ['money', { cost: 1_200 }],
  ])('fits the limit of %s to the last one, and takes nothing where it does not', async (_what, limits) => {
    await counters();
    await reserve(call(), limits);
    await reserve(call(), limits);
    await expect(reserve(call(), limits)).rejects.toBeInstanceOf(NotReserved);
    expect(await stand()).toEqual([{ subject: 'tenant', messages: 2, tokens: 300, cost: 1_200 }]);
    expect(await ledger()).toHaveLength(2);
  });

  it('takes nothing of the tenant’s where the visitor’s limit refuses', async () => {
    const visitorId = newUuid();
    await counters(visitorId);
    const ofVisitor = { ...unlimited, tokens: 200 };
    await reserve(call({ visitorId }), {}, ofVisitor);
    await expect(reserve(call({ visitorId }), {}, ofVisitor)).rejects.toBeInstanceOf(NotReserved);
    expect(await stand(visitorId)).toEqual([
      { subject: 'tenant', messages: 1, tokens: 150, cost: 600 },
      { subject: 'visitor', messages: 1, tokens: 150, cost: 600 },
    ]);
  });

  it('is exact when many ask at once', async () => {
    await counters();
    const asked = await Promise.allSettled(Array.from({ length: 64 }, () => reserve(call(), { tokens: 150 * 9 + 149 })));
    expect(asked.filter(({ status }) => status === 'fulfilled')).toHaveLength(9);
    expect(await stand()).toMatchObject([{ messages: 9, tokens: 1_350 }]);
  });

  it('goes quickly where the slots have room, and together they never pass the limit, nor after it was lowered', async () => {
    const large = { input: 999_990, output: 10 };
    const limits = { tokens: 16_000_000 };
    await reserve(call(large), limits);
    const asked = await Promise.allSettled(Array.from({ length: 100 }, () => quickly(call(large), limits)));
    const quick = asked.filter(({ status }) => status === 'fulfilled').length;
    expect(quick).toBeGreaterThan(5);
    expect(await stand()).toMatchObject([{ messages: quick + 1, tokens: (quick + 1) * 1_000_000 }]);
    while (await reserve(call(large), limits).then(Boolean, () => false));
    expect(await stand()).toMatchObject([{ messages: 16, tokens: 16_000_000 }]);
    // A slot that has room under another limit must not be used under this one, nor under one that is too small for slots.
    for (const tokens of [9_000_000, 1_000]) {
      await expect(quickly(call(), { tokens })).rejects.toBeInstanceOf(NotReserved);
      await expect(reserve(call(), { tokens })).rejects.toBeInstanceOf(NotReserved);
    }
    await reserve(call(), { tokens: 16_000_150 });
    await expect(quickly(call(), { tokens: 16_000_150 })).rejects.toBeInstanceOf(NotReserved);
    expect(await stand()).toMatchObject([{ messages: 17, tokens: 16_000_150 }]);
  });

  it('measures its input in the same statement', async () => {
    await counters();
    const input = { sql: (first: number) => `(SELECT least($${first}::int, 7 + $${first + 1}::int))`, values: [1_000, 35] };
    const what = call({ input });
    expect(await reserve(what)).toEqual({ input: 42, output: 50, cost: 484 });
    expect(await run((tx) => openReservation(tx, tenantId, what.turnId as string, 1))).toEqual({ input: 42, output: 50, cost: 484 });
  });
});

describe('P6: the end of a call', () => {
  const settle = (what: CallToReserve, known: CallUse | undefined, others: 'maximum' | 'nothing' = 'maximum', giveBack = false) =>
    run((tx) => settleCalls(tx, tenantId, what.turnId as string, known, others, giveBack));

  it('books what the provider has counted, once', async () => {
    await counters();
    const what = call();
    await reserve(what);
    expect([await settle(what, use()), await settle(what, use())]).toEqual([1, 0]);
    expect(await stand()).toEqual([{ subject: 'tenant', messages: 1, tokens: 50, cost: 220 }]);
    expect(await ledger()).toMatchObject([
      { state: 'settled', input_tokens: 30, output_tokens: 20, estimated: false, cost: '220', model: 'demo-large' },
    ]);
  });

  it('books what was reserved where nobody counted, and nothing where nothing was served', async () => {
    await counters();
    const [cut, refused, lost, never] = [call(), call(), call(), call()];
    for (const each of [cut, refused, lost, never]) await reserve(each);
    await settle(cut, use({ tokens: undefined, outcome: 'aborted' }));
    await settle(refused, use({ tokens: undefined, unserved: true, outcome: 'throttled' }));
    await settle(lost, undefined);
    await settle(never, undefined, 'nothing', true);
    expect((await ledger()).map((each) => [(each as { outcome: string }).outcome, (each as { state: string }).state])).toEqual([
      ['aborted', 'settled'],
      ['throttled', 'released'],
      ['lost', 'settled'],
      ['not_begun', 'released'],
    ]);
    expect(await stand()).toEqual([{ subject: 'tenant', messages: 3, tokens: 300, cost: 1_200 }]);
    expect(await ledger()).toMatchObject([
      { estimated: true },
      { estimated: false, input_tokens: 0 },
      { estimated: true },
      { estimated: false },
    ]);
  });

  it('books in the windows in which was reserved, the visitor’s too', async () => {
    const visitorId = newUuid();
    await counters(visitorId);
    const what = call({ visitorId });
    await reserve(what, {}, unlimited);
    const earlier = `starts_at - interval '40 days'`;
    await run((tx) => tx.query(`UPDATE usage_counters SET starts_at = ${earlier} WHERE tenant_id = $1`, [tenantId]));
    await run((tx) =>
      tx.query(
        `UPDATE provider_calls SET month_starts_at = month_starts_at - interval '40 days', day_starts_at = day_starts_at - interval '40 days'
         WHERE tenant_id = $1`,
        [tenantId],
      ),
    );
    await counters(visitorId);
    await settle(what, use());
    expect(await stand(visitorId)).toMatchObject([{ tokens: 0 }, { tokens: 0 }]);
    const booked = await run((tx) =>
      tx.query(
        'SELECT sum(tokens) AS tokens, sum(tokens_reserved) AS tokens_reserved FROM usage_counters WHERE tenant_id = $1 GROUP BY subject, starts_at HAVING sum(tokens) > 0',
        [tenantId],
      ),
    );
    expect(booked.rows).toEqual([
      { tokens: '50', tokens_reserved: '0' },
      { tokens: '50', tokens_reserved: '0' },
    ]);
  });

  it('takes nothing from the day of a visitor who was not counted when it began', async () => {
    const visitorId = newUuid();
    const [before, open] = [call({ visitorId }), call({ visitorId })];
    await reserve(before);
    await reserve(open, {}, unlimited);
    await settle(before, use());
    expect(await stand(visitorId)).toMatchObject([{ tokens: 200 }, { subject: 'visitor', messages: 1, tokens: 150 }]);
  });

  it('books what was shown where a provider went beyond what it was asked for, and never blocks the end of a turn', async () => {
    const beyond = call();
    await reserve(beyond);
    await settle(beyond, use({ tokens: undefined, shownTokens: 4_000 }));
    expect(await ledger()).toMatchObject([{ input_tokens: 100, output_tokens: 4_000, estimated: true }]);
    // A message that is given back twice, by a mistake of ours, must not make an end fail.
    for (let twice = 0; twice < 2; twice += 1) expect(await settle(beyond, undefined, 'nothing', true)).toBe(0);
  });

  it('ends earlier calls of the same turn as lost', async () => {
    await counters();
    const first = call();
    await reserve(first);
    await reserve(call({ turnId: first.turnId, call: 2, messages: 0 }));
    await settle(first, use({ call: 2 }));
    expect(await ledger()).toMatchObject([
      { call: 1, outcome: 'lost', input_tokens: 100, output_tokens: 50 },
      { call: 2, outcome: 'stop', input_tokens: 30, output_tokens: 20 },
    ]);
  });
});

it('statements that were planned when the ledger was young find calls and counters by their keys, however many there are', async () => {
  const limits = { messages: 1_000_000, tokens: 1_000_000, cost: null };
  const plans = await run(async (tx) => {
    // A connection keeps what it plans at the sixth time.
    for (let turn = 0; turn < 8; turn += 1) {
      const what = call();
      await makeCounters(tx, tenantId, what.visitorId);
      await holdWindows(tx, tenantId, what.visitorId);
      await reserveCall(tx, tenantId, what, limits, limits, turn === 0);
      await settleCalls(tx, tenantId, what.turnId as string, use(), 'nothing', false);
    }
    const kept = await rows<{ name: string; parameters: number }>(
      tx,
      `SELECT name, cardinality(parameter_types) AS parameters FROM pg_prepared_statements
       WHERE statement ~ 'usage_counters c SET' AND statement !~ 'pg_prepared_statements' AND generic_plans > 0`,
      [],
    );
    const explained: string[] = [];
    for (const { name, parameters } of kept) {
      const given = Array.from({ length: parameters }, () => 'NULL').join(', ');
      const lines = await rows<{ 'QUERY PLAN': string }>(tx, `EXPLAIN (COSTS OFF) EXECUTE "${name}" (${given})`, []);
      explained.push(lines.map((line) => line['QUERY PLAN']).join('\n'));
    }
    return explained;
  });
  expect(plans.some((plan) => plan.includes('provider_calls_of_turn'))).toBe(true);
  expect(plans.filter((plan) => /Seq Scan on (usage_counters|provider_calls)/.test(plan))).toEqual([]);
  // A visitor's counter is looked up by the visitor.
  expect(plans.filter((plan) => /Index Cond: \(\(?tenant_id = \$1\)?\)?$/m.test(plan))).toEqual([]);
});
