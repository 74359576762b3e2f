import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { problemFaults } from '../../../../test/support/problem-check.ts';
import { type Answer, type TestStack, testStack, type TestTenant } from '../../../../test/support/stack.ts';
import { SignUp } from '../../identity/index.ts';
import { PlansAdmin } from './plans-admin.ts';

let stack: TestStack;
let tenant: TestTenant;
beforeAll(async () => {
  stack = await testStack();
});
afterAll(() => stack.close());
beforeEach(async () => {
  // It has one bot and one key.
  tenant = await stack.tenant();
});

const limit = (overrides: Record<string, number>, of = tenant) =>
  stack.app.get(PlansAdmin).assign(of.tenantUuid, { planId: 'enterprise', overrides, trialEndsAt: null });
const make = (path: string, token = tenant.accessToken) => stack.request('POST', path, { token, body: { name: 'one more' } });
const statuses = (answers: Answer[], status: number) => answers.filter((answer) => answer.status === status);
const countOf = async (path: string) => (await stack.request('GET', `${path}?limit=100`, { token: tenant.accessToken })).body.data.length;

it.each(['/v1/bots', '/v1/api-keys'])(
  'P6: of 64 that are made at once at %s, over two replicas, as many come to be as the plan allows',
  async (path) => {
    await limit({ bots: 9, api_keys: 9 });
    const other = await stack.replica();
    const answers = await Promise.all(
      Array.from({ length: 64 }, async (_, at) => {
        const answer = await fetch((at % 2 === 0 ? stack.url : other.url) + path, {
          method: 'POST',
          headers: { authorization: `Bearer ${tenant.accessToken}`, 'content-type': 'application/json' },
          body: '{"name":"one more"}',
        });
        return { status: answer.status, body: await answer.json(), headers: answer.headers };
      }),
    );
    await other.stop();
    expect(statuses(answers, 201)).toHaveLength(8);
    expect(statuses(answers, 429)).toHaveLength(56);
    expect(await countOf(path)).toBe(9);
  },
);

it('a refusal names the limit, and another tenant is not touched', async () => {
  await limit({ bots: 1 });
  const refused = await make('/v1/bots');
  expect(refused).toMatchObject({ status: 429, body: { code: 'quota_exceeded', limit: 'bots' } });
  expect(refused.headers.get('x-should-retry')).toBe('false');
  expect(refused.headers.get('ratelimit')).toBe('"bots";r=0');
  expect(
    problemFaults({
      status: refused.status,
      contentType: refused.headers.get('content-type'),
      requestId: refused.headers.get('x-request-id'),
      body: refused.body,
    }),
  ).toEqual([]);
  const other = await stack.tenant();
  expect((await make('/v1/bots', other.accessToken)).status).toBe(201);
});

it('what is gone makes room, and what was above a lowered limit stays', async () => {
  await limit({ bots: 2 });
  const second = await make('/v1/bots');
  expect([second.status, (await make('/v1/bots')).status]).toEqual([201, 429]);
  await limit({ bots: 1 });
  expect(await countOf('/v1/bots')).toBe(2);
  expect((await stack.request('DELETE', `/v1/bots/${second.body.id}`, { token: tenant.accessToken })).status).toBe(204);
  expect((await make('/v1/bots')).status).toBe(429);
  await limit({ bots: 2 });
  expect((await make('/v1/bots')).status).toBe(201);
});

describe('P6: a key at the limit', () => {
  const token = () => tenant.accessToken;
  const roll = async (id: string) => {
    const rolled = await stack.request('POST', `/v1/api-keys/${id}/roll`, { token: token(), body: { overlap_seconds: 600 } });
    expect(rolled.status).toBe(201);
    return rolled.body as { id: string; key: string };
  };
  const revoke = async (id: string) => expect((await stack.request('DELETE', `/v1/api-keys/${id}`, { token: token() })).status).toBe(204);
  const usable = async (keys: string[]) => {
    const answers = await Promise.all(keys.map((key) => stack.request('GET', '/v1/me', { token: key })));
    return statuses(answers, 200).length;
  };

  it('is rolled, and neither the old one nor a revoked one counts', async () => {
    await limit({ api_keys: 1 });
    expect((await make('/v1/api-keys')).body).toMatchObject({ code: 'quota_exceeded', limit: 'api_keys' });
    const rolled = await roll(tenant.apiKeyId);
    expect((await make('/v1/api-keys')).status).toBe(429);
    await revoke(tenant.apiKeyId);
    expect((await make('/v1/api-keys')).status).toBe(429);
    await revoke(rolled.id);
    expect((await make('/v1/api-keys')).status).toBe(201);
  });

  it('counts again when its successor is gone, so that rolling and revoking make no more keys', async () => {
    await limit({ api_keys: 1 });
    const rolled = await roll(tenant.apiKeyId);
    await revoke(rolled.id);
    expect(await usable([tenant.apiKey, rolled.key])).toBe(1);
    expect((await make('/v1/api-keys')).body).toMatchObject({ code: 'quota_exceeded', limit: 'api_keys' });
    await revoke(tenant.apiKeyId);
    expect((await make('/v1/api-keys')).status).toBe(201);
  });

  it('leaves one more that can be used, however often it is rolled', async () => {
    await limit({ api_keys: 1 });
    const keys = [{ id: tenant.apiKeyId, key: tenant.apiKey }];
    for (let times = 0; times < 5; times += 1) keys.push(await roll(keys.at(-1)?.id ?? ''));
    expect(await usable(keys.map(({ key }) => key))).toBe(2);
    expect((await make('/v1/api-keys')).status).toBe(429);
  });
});

it('seats are asked for in the transaction that makes them', async () => {
  const admin = stack.app.get(PlansAdmin);
  const signUp = () =>
    stack.app.get(SignUp, { strict: false }).signUp({ email: 'a@example.com', password: 'long enough', tenantName: 'A' });
  await signUp();
  await admin.set('enterprise', { limits: { seats: 0 } });
  await expect(signUp()).rejects.toMatchObject({ code: 'quota_exceeded', options: { limit: { name: 'seats' } } });
  await admin.set('enterprise', { limits: { seats: null } });
  await signUp();
});
