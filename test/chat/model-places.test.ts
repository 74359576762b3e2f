import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningDemoModel, startDemoModel } from '../../src/apps/demo-model/server.ts';
import { type AnswerStream, scripted, send } from '../support/event-stream.ts';
import { type TestStack, testStack, type TestTenant } from '../support/stack.ts';
import { turnRow, turnsOfTenant } from '../support/turn-rows.ts';

/* Places at a model are of the model, not of a name that somebody has given it. */

const secret = 'sk-of-the-tenant';

let stack: TestStack;
let own: RunningDemoModel;
const open: AnswerStream[] = [];
beforeAll(async () => {
  stack = await testStack({ env: { CHAT_MAX_TURNS_PER_MODEL: '1', MODEL_ALLOW_PRIVATE_URLS: 'true' } });
  own = await startDemoModel({ tokensPerSecond: 0, firstTokenMs: 0, apiKey: secret });
});
afterAll(async () => {
  for (const { response } of open) await response.body?.cancel();
  await own.close();
  await stack.close();
});

async function route(tenant: TestTenant, name: string, ...targets: object[]): Promise<void> {
  const body = { name, targets };
  expect((await stack.request('POST', '/v1/model-routes', { token: tenant.accessToken, body })).status).toBe(201);
}

/** How the tenant's last turn stands when it has just been accepted; its answer goes on for long. */
async function accepted(tenant: TestTenant, botId = tenant.botId): Promise<string> {
  const text = scripted({ tokens: 2_000, tokens_per_second: 20 });
  open.push(await send(stack.url, { ...tenant, botId }, { conversation: `places-${open.length}`, text }));
  return (await turnRow(stack, (await turnsOfTenant(stack, tenant)).at(-1) ?? '')).state;
}

async function botOf(tenant: TestTenant, model: string): Promise<string> {
  const made = await stack.request('POST', '/v1/bots', { token: tenant.accessToken, body: { name: model, model } });
  expect(made.status).toBe(201);
  return made.body.id as string;
}

/** A credential of the tenant's own, for its own server. */
async function ownCredential(tenant: TestTenant): Promise<string> {
  const made = await stack.request('POST', '/v1/model-credentials', {
    token: tenant.accessToken,
    body: { name: 'own', kind: 'compatible', base_url: `${own.url}/v1`, secret },
  });
  expect(made.status).toBe(201);
  return made.body.id as string;
}

it('P4: a tenant’s own server takes no place at a model of the same name', async () => {
  const [tenant, other] = [await stack.tenant({ model: 'demo-small' }), await stack.tenant({ model: 'demo-small' })];
  await route(tenant, 'demo-small', { credential_id: await ownCredential(tenant), model: 'demo-small' });
  expect(await accepted(tenant)).toBe('running');
  expect(await accepted(other)).toBe('running');
  expect(await accepted(other)).toBe('queued');
});

it('P9: a model has no more places under more names', async () => {
  const tenant = await stack.tenant({ model: 'demo-large' });
  await route(tenant, 'one', { model: 'demo-large' });
  await route(tenant, 'two', { model: 'any-name', provider_model: 'demo-large' });
  expect(await accepted(tenant)).toBe('running');
  expect(await accepted(tenant, await botOf(tenant, 'one'))).toBe('queued');
  expect(await accepted(tenant, await botOf(tenant, 'two'))).toBe('queued');
});

it.each([
  ['a later tier', { tier: 1 }],
  ['a smaller share', { weight: 1 }],
])('P9: a tenant’s own server before the platform’s model, which has %s, is no way around its places', async (_, second) => {
  const [other, tenant] = [await stack.tenant({ model: 'demo-large' }), await stack.tenant({ model: 'demo-large' })];
  const first = { credential_id: await ownCredential(tenant), model: 'demo-small', weight: 9 };
  await route(tenant, 'demo-large', first, { model: 'demo-large', ...second });
  // The only place is taken, by this one or by one before it.
  expect(await accepted(other)).toMatch(/^(running|queued)$/);
  expect(await accepted(tenant)).toBe('queued');
});
