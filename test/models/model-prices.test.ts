import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ModelSettings } from '../../src/modules/models/index.ts';
import { PlanLimits, PlansAdmin } from '../../src/modules/plans/index.ts';
import { scripted, send } from '../support/event-stream.ts';
import { type TestStack, testStack, type TestTenant } from '../support/stack.ts';
import { marker } from '../support/witness.ts';

/** P6 for money: nobody but an operator says what a model costs that the platform's key pays for. */

/** Tenants by the model of their bot, and what each may spend a month; made together, since a plan's change takes some seconds to hold. */
const plenty = 1_000_000_000;
const budgets = { 'of-the-rich': plenty, 'of-the-poor': 1_000, 'demo-small': plenty, sly: plenty, ours: plenty };
const tenants = new Map<string, TestTenant>();
const tenantOf = (model: keyof typeof budgets): TestTenant => tenants.get(model) as TestTenant;

let stack: TestStack;
beforeAll(async () => {
  stack = await testStack({ env: { MODEL_ALLOW_PRIVATE_URLS: 'true' } });
  // A token costs a thousand; `demo-small` has no price.
  const settings = stack.app.get(ModelSettings);
  await settings.setPrice('demo-large', { input: 1_000_000_000, output: 1_000_000_000 }, undefined);
  // Reads the catalog anew.
  await settings.models();
  const limits = stack.app.get(PlanLimits);
  for (const [model, cost] of Object.entries(budgets)) {
    const tenant = await stack.tenant({ model });
    tenants.set(model, tenant);
    await stack.app
      .get(PlansAdmin)
      .assign(tenant.tenantUuid, { planId: 'enterprise', overrides: { cost_per_month: cost }, trialEndsAt: null });
  }
  for (const [model, cost] of Object.entries(budgets)) {
    const { tenantUuid } = tenantOf(model as keyof typeof budgets);
    await vi.waitFor(async () => expect((await limits.of(tenantUuid)).limits.cost_per_month).toBe(cost), { timeout: 8_000, interval: 50 });
  }
});
afterAll(() => stack.close());

async function addRoute(tenant: TestTenant, name: string, target: object): Promise<void> {
  const route = { name, targets: [target] };
  expect(await stack.request('POST', '/v1/model-routes', { token: tenant.accessToken, body: route })).toMatchObject({ status: 201 });
}

/** Asks for 20 tokens: gives how many came, or the refusal; how often the model was asked; and what was booked. */
async function ask(tenant: TestTenant) {
  const word = marker();
  const told = await send(stack.url, tenant, { conversation: word, text: scripted({ tokens: 20 }, word) })
    .then((answer) => answer.finished())
    .then(
      ({ text }) => text.split(' ').length,
      ({ body }: { body: object }) => body,
    );
  const served = stack.model.witness.entries({ match: word }).entries.length;
  const cost = await stack.db.forTenant(tenant.tenantUuid, async (tx) => {
    const sql = 'SELECT coalesce(sum(cost), 0)::int AS cost FROM provider_calls WHERE tenant_id = $1';
    return ((await tx.query(sql, [tenant.tenantUuid])).rows[0] as { cost: number }).cost;
  });
  return { told, served, cost };
}

const refused = (model: string) => ({
  told: { status: 422, code: 'model_not_priced', limit: 'cost_per_month', detail: expect.stringContaining(`parley models price ${model}`) },
  served: 0,
  cost: 0,
});

describe('a tenant whose cost is limited', () => {
  const ownName = { model: 'never-heard-of', provider_model: 'demo-large' };

  it('pays for the model that answers, whatever its route calls it', async () => {
    const tenant = tenantOf('of-the-rich');
    await addRoute(tenant, 'of-the-rich', ownName);
    const { told, cost } = await ask(tenant);
    expect(told).toBe(20);
    expect(cost).toBeGreaterThanOrEqual(20_000);
  });

  it('has no more of it than it can pay', async () => {
    const tenant = tenantOf('of-the-poor');
    await addRoute(tenant, 'of-the-poor', ownName);
    expect(await ask(tenant)).toMatchObject({ told: { status: 429, code: 'quota_exceeded' }, served: 0 });
  });

  it('is refused a model without a price, and told what to do about it', async () => {
    expect(await ask(tenantOf('demo-small'))).toMatchObject(refused('demo-small'));
    const sly = tenantOf('sly');
    await addRoute(sly, 'sly', { model: 'gpt-4.1-nano', provider_model: 'demo-small' });
    expect(await ask(sly)).toMatchObject(refused('demo-small'));
  });

  it('may use one without a price under its own key', async () => {
    const tenant = tenantOf('ours');
    const secret = { name: 'ours', kind: 'compatible', base_url: `${stack.model.url}/v1`, secret: 'any', skip_test: true };
    const credential = await stack.request('POST', '/v1/model-credentials', { token: tenant.accessToken, body: secret });
    await addRoute(tenant, 'ours', { credential_id: credential.body.id, model: 'demo-small' });
    expect(await ask(tenant)).toEqual({ told: 20, served: 1, cost: 0 });
  });
});

it('a tenant without a limit of cost may use models without a price', async () => {
  expect(await ask(await stack.tenant({ model: 'demo-small' }))).toEqual({ told: 20, served: 1, cost: 0 });
});
