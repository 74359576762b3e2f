import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { publicId } from '../../src/kernel/ids.ts';
import { PlanLimits } from '../../src/modules/plans/index.ts';
import { runParley } from '../support/operators-program.ts';
import { type TestStack, testStack, type TestTenant } from '../support/stack.ts';

let stack: TestStack;
let tenant: TestTenant;
beforeAll(async () => {
  stack = await testStack();
  tenant = await stack.tenant();
});
afterAll(() => stack.close());

const plans = (...args: string[]) => runParley(stack.env, ['plans', ...args]);
const limitOf = (stdout: string, name: string) => new RegExp(`^${name} +(\\S+)$`, 'm').exec(stdout)?.[1];

it('plans are listed and shown', async () => {
  const listed = await plans('list');
  expect(listed).toMatchObject({ code: 0, stderr: '' });
  expect(listed.stdout.split('\n').map((line) => line.split(' ')[0])).toEqual(['plan', 'trial', 'basic', 'pro', 'enterprise', '']);
  expect(JSON.parse((await plans('list', '--json')).stdout)).toMatchObject([
    { id: 'trial', trialDays: 14, limits: { bots: 3 } },
    {},
    {},
    {},
  ]);
  const trial = await plans('show', 'trial');
  expect(trial.stdout).toMatch(/^trial: Free trial, tier 0, a trial of 14 days\n/);
  expect([limitOf(trial.stdout, 'bots'), limitOf(trial.stdout, 'cost_per_month')]).toEqual(['3', 'unlimited']);
  expect(await plans('show', 'gold')).toMatchObject({ code: 1, stderr: 'There is no plan gold: `plans list` shows them.\n' });
});

it('a plan is made, changed, and given to a tenant with overrides', async () => {
  expect(await plans('set', 'team', '--limit', 'bots=5', '--limit', 'seats=7', '--tier', '30', '--name', 'Team')).toMatchObject({
    code: 0,
  });
  const changed = await plans('set', 'team', '--limit', 'bots=unlimited', '--limit', 'files=2');
  expect(['bots', 'seats', 'files'].map((name) => limitOf(changed.stdout, name))).toEqual(['unlimited', '7', '2']);
  const ends = '2030-01-31T12:00:00+01:00';
  const given = await plans(
    'assign',
    tenant.tenantId,
    'team',
    '--override',
    'seats=unlimited',
    '--override',
    'bots=1',
    '--trial-ends',
    ends,
  );
  expect(given).toMatchObject({ code: 0, stderr: '' });
  expect(given.stdout).toMatch(/^ten_\w+: team, tier 30, trial until 2030-01-31T11:00:00.000Z\./);
  const limits = await stack.app.get(PlanLimits).of(tenant.tenantUuid);
  expect(limits).toEqual({ plan: 'team', tier: 30, trialEndsAt: new Date(ends), limits: { bots: 1, files: 2 } });
  const refused = await stack.request('POST', '/v1/bots', { token: tenant.accessToken, body: { name: 'second' } });
  expect(refused).toMatchObject({ status: 429, body: { code: 'quota_exceeded', limit: 'bots' } });
  // The next assignment is the whole of it.
  expect((await plans('assign', tenant.tenantId, 'team')).stdout).not.toMatch(/trial until/);
});

it.each([
  [['set', 'team'], /^Say what to set/],
  [['set', 'team', '--limit', 'wishes=3'], /names no limit.*tokens_per_month/],
  [['set', 'team', '--limit', 'bots=99999999999999999999'], /whole number/],
  [['set', 'team', '--tier', '101'], /whole number from 0 to 100/],
  [['set', 'Team!', '--tier', '1'], /cannot be the id of a plan/],
  [['assign', 'nobody', 'team'], /is not the id of a tenant/],
  [['assign', publicId('tenant', randomUUID()), 'pro'], /There is no such tenant/],
  [['assign', 'TENANT', 'pro', '--trial-ends', 'tomorrow'], /must be a time such as/],
])('%j is refused in one sentence', async (args, said) => {
  const answer = await plans(...args.map((each) => (each === 'TENANT' ? tenant.tenantId : each)));
  expect(answer.code).toBe(1);
  expect(answer.stderr).toMatch(said);
  expect(answer.stderr.trim().split('\n')).toHaveLength(1);
});
