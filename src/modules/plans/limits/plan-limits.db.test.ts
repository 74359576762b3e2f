import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { asSuperuser } from '../../../../test/support/services.ts';
import { type TestStack, testStack } from '../../../../test/support/stack.ts';
import { replaceClock } from '../../../kernel/clock.ts';
import { PlanLimits } from './plan-limits.ts';
import { PlansAdmin } from './plans-admin.ts';

let stack: TestStack;
let limits: PlanLimits;
let admin: PlansAdmin;
beforeAll(async () => {
  stack = await testStack();
  [limits, admin] = [stack.app.get(PlanLimits), stack.app.get(PlansAdmin)];
});
afterAll(() => stack.close());

it('who was given no plan has the one of the settings', async () => {
  const { tenantUuid } = await stack.tenant();
  expect(await limits.of(tenantUuid)).toEqual({ plan: 'enterprise', tier: 50, trialEndsAt: null, limits: {} });
  const trial = await stack.replica({ PLAN_DEFAULT: 'trial' });
  const onTrial = await trial.app.get(PlanLimits).of(tenantUuid);
  expect(onTrial).toMatchObject({ plan: 'trial', tier: 0, limits: { bots: 3, messages_per_month: 1_000, custom_domains: 0 } });
  const [created] = await stack.db.forTenant(tenantUuid, async (tx) => (await tx.query('SELECT created_at AS at FROM tenants', [])).rows);
  expect(onTrial.trialEndsAt?.getTime()).toBe((created as { at: Date }).at.getTime() + 14 * 86_400_000);
  await trial.stop();
});

it('a change holds within five seconds on a replica that knew it otherwise', async () => {
  const { tenantUuid } = await stack.tenant();
  const other = await stack.replica();
  const there = other.app.get(PlanLimits);
  expect((await there.of(tenantUuid)).plan).toBe('enterprise');
  const trialEndsAt = new Date('2030-01-01T00:00:00Z');
  const given = await admin.assign(tenantUuid, { planId: 'basic', overrides: { bots: 1, seats: null }, trialEndsAt });
  expect(given).toMatchObject({ plan: 'basic', tier: 10, trialEndsAt, limits: { bots: 1, files: 27 } });
  expect(given.limits).not.toHaveProperty('seats');
  const changedAt = performance.now();
  await expect.poll(() => there.of(tenantUuid), { timeout: 6_000, interval: 50 }).toEqual(given);
  expect(performance.now() - changedAt).toBeLessThan(5_000);
  // The next assignment is the whole of it.
  expect(await admin.assign(tenantUuid, { planId: 'basic', overrides: {}, trialEndsAt: null })).toMatchObject({
    trialEndsAt: null,
    limits: { bots: 9, seats: 9 },
  });
  await other.stop();
});

it('a trial is over by the clock of Postgres, whatever a replica takes the time to be', async () => {
  const { tenantUuid } = await stack.tenant();
  const inSeconds = async (seconds: number) => {
    const [{ at } = { at: new Date(0) }] = await stack.db.forTenant(
      tenantUuid,
      async (tx) => (await tx.query('SELECT now() + make_interval(secs => $1) AS at', [seconds])).rows as { at: Date }[],
    );
    return (await admin.assign(tenantUuid, { planId: 'trial', overrides: {}, trialEndsAt: at })).trialOver;
  };
  for (const lateMs of [-3_600_000, 0, 3_600_000]) {
    const restore = replaceClock({ now: () => Date.now() + lateMs });
    try {
      expect([await inSeconds(60), await inSeconds(0), await inSeconds(-60)], `clock off by ${lateMs}`).toEqual([undefined, true, true]);
    } finally {
      restore();
    }
  }
});

it('many who ask at once share one look', async () => {
  const { tenantUuid } = await stack.tenant();
  const all = await Promise.all(Array.from({ length: 50 }, () => limits.of(tenantUuid)));
  expect(new Set(all).size).toBe(1);
});

it('P4: an assignment reaches one tenant, and nobody’s tenant has none', async () => {
  const [mine, theirs] = [await stack.tenant(), await stack.tenant()];
  await admin.assign(mine.tenantUuid, { planId: 'pro', overrides: {}, trialEndsAt: null });
  expect((await limits.of(theirs.tenantUuid)).plan).toBe('enterprise');
  await expect(limits.of(randomUUID())).rejects.toMatchObject({ status: 404 });
  await expect(admin.assign(randomUUID(), { planId: 'pro', overrides: {}, trialEndsAt: null })).rejects.toMatchObject({ status: 404 });
  await expect(admin.assign(mine.tenantUuid, { planId: 'gold', overrides: {}, trialEndsAt: null })).rejects.toMatchObject({ status: 404 });
});

it('a plan is made and changed; what is not named stays', async () => {
  const made = await admin.set('team', { tier: 30, name: 'Team', trialDays: 7, limits: { bots: 5, seats: 7 } });
  expect(made).toEqual({ id: 'team', name: 'Team', tier: 30, trialDays: 7, limits: { bots: 5, seats: 7 } });
  expect(await admin.set('team', { trialDays: null, limits: { bots: null, files: 1 } })).toEqual({
    id: 'team',
    name: 'Team',
    tier: 30,
    trialDays: null,
    limits: { seats: 7, files: 1 },
  });
  expect(await admin.find('team')).toMatchObject({ limits: { seats: 7, files: 1 } });
  expect((await admin.list()).map(({ id }) => id)).toEqual(['trial', 'basic', 'pro', 'team', 'enterprise']);
});

it('a default plan that does not exist is told', async () => {
  const replica = await stack.replica({ PLAN_DEFAULT: 'team' });
  expect(await replica.app.get(PlansAdmin).problems()).toEqual([]);
  await asSuperuser(stack.postgresUrl, stack.database, [`DELETE FROM plans WHERE id = 'team'`]);
  expect(await replica.app.get(PlansAdmin).problems()).toEqual([
    'PLAN_DEFAULT names the plan team, which does not exist. Name another one, or make it: plans set team.',
  ]);
  await replica.stop();
});

it('a stored limit that is no number lets nobody through', async () => {
  const { tenantUuid } = await stack.tenant();
  await asSuperuser(stack.postgresUrl, stack.database, [
    `INSERT INTO tenant_plans (tenant_id, plan_id, overrides) VALUES ('${tenantUuid}', 'basic', '{"bots": "many"}')`,
  ]);
  // Past what the replica remembers of the tenant.
  await expect(stack.db.forTenant(tenantUuid, (tx) => limits.read(tx, tenantUuid))).rejects.toThrow(/bots/);
});
