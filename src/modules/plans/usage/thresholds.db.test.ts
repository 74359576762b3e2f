import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { type TestStack, testStack, type TestTenant } from '../../../../test/support/stack.ts';
import { row, rows, type Transaction } from '../../../platform/database/index.ts';
import { type MonthCounter, Thresholds } from './thresholds.ts';

let stack: TestStack;
let tenant: TestTenant;
let thresholds: Thresholds;
beforeAll(async () => {
  // Nothing relays here, so that the outbox keeps what was published.
  stack = await testStack({ env: { PARLEY_ROLE: 'api' } });
  thresholds = stack.app.get(Thresholds);
});
afterAll(() => stack.close());
beforeEach(async () => {
  tenant = await stack.tenant();
});

/** Counts in this month, and gives the counter as it then is. */
async function count(tx: Transaction, tenantId: string, messages: number, tokens: number): Promise<MonthCounter> {
  const counter = await row<MonthCounter>(
    tx,
    `INSERT INTO usage_counters AS c (tenant_id, subject, starts_at, messages, tokens)
     VALUES ($1, $1, (date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC'), $2, $3)
     ON CONFLICT (tenant_id, subject, starts_at, slot) DO UPDATE SET messages = c.messages + excluded.messages, tokens = c.tokens + excluded.tokens
     RETURNING starts_at AS "startsAt", messages::float8, tokens::float8, cost::float8, announced`,
    [tenantId, messages, tokens],
  );
  if (counter === undefined) throw new Error('no counter');
  return counter;
}

/** What the counter remembers. */
const announced = async () => {
  const { tenantUuid } = tenant;
  const found = await stack.db.forTenant(tenantUuid, (tx) =>
    row<{ announced: unknown }>(tx, 'SELECT announced FROM usage_counters WHERE tenant_id = $1', [tenantUuid]),
  );
  return found?.announced;
};

/** What was published, in the order of its text. */
const published = async () => {
  const { tenantUuid } = tenant;
  const found = await stack.db.forTenant(tenantUuid, (tx) =>
    rows<{ told: string }>(
      tx,
      `SELECT payload ->> 'limit' || ' ' || (payload ->> 'percent') AS told FROM outbox WHERE tenant_id = $1 AND name = 'mail-usage-threshold' ORDER BY 1`,
      [tenantUuid],
    ),
  );
  return found.map(({ told }) => told);
};

it.each([
  ['with exact counters', false],
  ['with counters that all are old', true],
])('P6: 64 turns that end at once announce each threshold once, %s', async (_how, stale) => {
  const { tenantUuid } = tenant;
  const limits = { messages_per_month: 64, tokens_per_month: 640 };
  const old = stale ? await stack.db.forTenant(tenantUuid, (tx) => count(tx, tenantUuid, 64, 640)) : undefined;
  const end = () =>
    stack.db.forTenant(tenantUuid, async (tx) => thresholds.check(tx, tenantUuid, old ?? (await count(tx, tenantUuid, 1, 10)), limits));
  await Promise.all(Array.from({ length: 64 }, end));
  expect(await published()).toEqual(
    ['messages_per_month', 'tokens_per_month'].flatMap((limit) => [100, 50, 80].map((percent) => `${limit} ${percent}`)),
  );
});

it('what is announced in a transaction that is taken back was not', async () => {
  const { tenantUuid } = tenant;
  const limits = { tokens_per_month: 100 };
  const end = async (tx: Transaction) => thresholds.check(tx, tenantUuid, await count(tx, tenantUuid, 1, 50), limits);
  const failing = stack.db.forTenant(tenantUuid, async (tx) => {
    await end(tx);
    throw new Error('taken back');
  });
  await expect(failing).rejects.toThrow('taken back');
  expect([await announced(), await published()]).toEqual([undefined, []]);
  await stack.db.forTenant(tenantUuid, end);
  expect([await announced(), await published()]).toEqual([{ 'tokens_per_month:100': 50 }, ['tokens_per_month 50']]);
});

it('P4: another tenant with the same numbers is not told', async () => {
  const mine = tenant;
  tenant = await stack.tenant();
  await stack.db.forTenant(tenant.tenantUuid, (tx) => count(tx, tenant.tenantUuid, 1, 100));
  await stack.db.forTenant(mine.tenantUuid, (tx) => count(tx, mine.tenantUuid, 1, 100));
  await thresholds.afterTurn(mine.tenantUuid, { tokens_per_month: 100 });
  expect([await announced(), await published()]).toEqual([{}, []]);
});

it('a refusal tells that a limit is reached, once a minute at most; a turn that ends tells what a lost look has missed', async () => {
  const { tenantUuid } = tenant;
  const limits = { tokens_per_month: 100, messages_per_month: 1_000 };
  await stack.db.forTenant(tenantUuid, (tx) => count(tx, tenantUuid, 1, 70));
  await thresholds.afterRefusal(tenantUuid, 'tokens_per_month', limits);
  expect(await announced()).toEqual({ 'tokens_per_month:100': 50 });
  await stack.db.forTenant(tenantUuid, (tx) => count(tx, tenantUuid, 1, 20));
  await thresholds.afterRefusal(tenantUuid, 'tokens_per_month', limits);
  expect(await announced()).toEqual({ 'tokens_per_month:100': 50 });
  // Many turns end: it is looked once for all of them.
  await Promise.all([thresholds.afterTurn(tenantUuid, limits), thresholds.afterTurn(tenantUuid, limits)]);
  expect(await announced()).toEqual({ 'tokens_per_month:100': 80 });
  // Another replica has not looked yet.
  const replica = await stack.replica();
  await replica.app.get(Thresholds).afterRefusal(tenantUuid, 'visitor_tokens_per_day', limits);
  expect(await announced()).toEqual({ 'tokens_per_month:100': 80 });
  await replica.app.get(Thresholds).afterRefusal(tenantUuid, 'tokens_per_month', limits);
  expect(await announced()).toEqual({ 'tokens_per_month:100': 100 });
  await replica.stop();
});
