import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { caller, type TestStack, testStack, type TestTenant } from '../../../../test/support/stack.ts';
import { redisKeys, RedisConnections } from '../../../platform/redis/index.ts';
import { PlansAdmin } from '../limits/plans-admin.ts';

let stack: TestStack;
let tenant: TestTenant;
const lines: string[] = [];
beforeAll(async () => {
  stack = await testStack({ onLog: (line) => lines.push(line) });
});
afterAll(() => stack.close());
beforeEach(async () => {
  tenant = await stack.tenant();
});

/** Asks a replica that has never heard of the tenant, and so knows its limit at once. */
async function limited(requests: number) {
  const overrides = { requests_per_minute: requests };
  await stack.app.get(PlansAdmin).assign(tenant.tenantUuid, { planId: 'enterprise', overrides, trialEndsAt: null });
  const replica = await stack.replica();
  const request = caller(replica.url);
  return { replica, ask: (path: string, token = tenant.apiKey) => request('GET', path, { token }) };
}

it('P9: a tenant’s requests are held to its rate, and answers say what is left', async () => {
  const { ask } = await limited(3);
  const first = await ask('/v1/bots');
  expect(first.status).toBe(200);
  expect(first.headers.get('ratelimit-policy')).toBe('"requests_per_minute";q=3;w=60');
  expect(first.headers.get('ratelimit')).toMatch(/^"requests_per_minute";r=2;t=(60|59)$/);
  expect([(await ask('/v1/me')).status, (await ask('/v1/bots/bot_unknown')).status]).toEqual([200, 404]);
  const refused = await ask('/v1/bots');
  expect(refused).toMatchObject({ status: 429, body: { code: 'quota_exceeded', limit: 'requests_per_minute' } });
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(50);
  expect(refused.headers.get('x-should-retry')).toBeNull();
  expect(refused.headers.get('ratelimit')).toMatch(/^"requests_per_minute";r=0;t=\d+$/);
  const other = await stack.tenant();
  expect((await ask('/v1/bots', other.apiKey)).status).toBe(200);
});

it('public routes, and requests that are refused at the door, count for nobody', async () => {
  const { ask } = await limited(1);
  for (const path of ['/livez', '/readyz', '/.well-known/jwks.json']) expect((await ask(path)).status, path).toBe(200);
  expect((await ask('/v1/bots', 'sk_live_nobody')).status).toBe(401);
  expect((await ask('/v1/bots')).status).toBe(200);
  expect((await ask('/v1/bots')).status).toBe(429);
  expect((await ask('/readyz')).status).toBe(200);
});

it('who has no such limit costs Redis nothing and gets no headers', async () => {
  const answer = await stack.request('GET', '/v1/bots', { token: tenant.apiKey });
  expect(answer.status).toBe(200);
  expect(answer.headers.get('ratelimit')).toBeNull();
  expect(await stack.redis.exists(redisKeys.tenantRequests(tenant.tenantUuid))).toBe(0);
});

it('while Redis is away requests pass, and the log says so once', async () => {
  const { ask, replica } = await limited(1);
  replica.app.get(RedisConnections).commands.disconnect();
  const said = () => lines.filter((line) => line.includes('requests cannot be counted')).length;
  const before = said();
  for (let at = 0; at < 3; at += 1) expect((await ask('/v1/bots')).status).toBe(200);
  expect(said() - before).toBe(1);
});
