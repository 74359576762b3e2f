import { afterAll, beforeAll, expect, test } from 'vitest';
import { openChat } from '../../../../test/support/chat-client.ts';
import { caller, type TestStack, type TestTenant, testStack } from '../../../../test/support/stack.ts';
import type { RunningServer } from '../../../apps/server.main.ts';

let stack: TestStack;
let other: RunningServer;
let tenant: TestTenant;

beforeAll(async () => {
  stack = await testStack();
  other = await stack.replica();
  tenant = await stack.tenant();
});
afterAll(() => stack.close());

const as = (token: string) => (method: string, path: string, body?: unknown) =>
  stack.request(method, path, { token, ...(body === undefined ? {} : { body }) });
const owner = (method: string, path: string, body?: unknown) => as(tenant.accessToken)(method, path, body);
const accept = (token: string, password = 'correct horse') =>
  stack.request('POST', '/v1/auth/accept-invitation', { body: { token, password } });

async function invite(role: string, email = `${crypto.randomUUID()}@example.com`): Promise<{ id: string; token: string; email: string }> {
  const { status, body } = await owner('POST', '/v1/invitations', { email, role });
  expect(status).toBe(201);
  return { ...(body as { id: string; token: string }), email };
}

async function join(role: string): Promise<{ id: string; token: string; email: string }> {
  const { token, email } = await invite(role);
  const { status, body } = await accept(token);
  expect([status, body.role, body.tenant_id]).toEqual([201, role, tenant.tenantId]);
  return { id: body.user_id as string, token: body.access_token as string, email };
}

test('an invitation makes a member with its role, once; the list shows both to those who may see them', async () => {
  const invited = await invite('developer', 'Grace.Hopper@Example.com');
  const listed = (await owner('GET', '/v1/invitations')).body.data as { id: string; email: string; token?: string }[];
  expect(listed.find(({ id }) => id === invited.id)).toMatchObject({ email: 'grace.hopper@example.com', role: 'developer' });
  expect(JSON.stringify(listed)).not.toContain(invited.token);
  const joined = await accept(invited.token);
  expect(joined.body).toMatchObject({ role: 'developer', tenant_id: tenant.tenantId });
  for (const token of [invited.token, 'no such token', `${invited.token}x`])
    expect(await accept(token)).toMatchObject({ status: 401, body: { code: 'invitation_invalid' } });
  const members = (await owner('GET', '/v1/members')).body.data as { id: string; email: string; role: string }[];
  expect(members.find(({ id }) => id === joined.body.user_id)).toMatchObject({ email: 'grace.hopper@example.com', role: 'developer' });
  expect((await as(joined.body.access_token)('GET', '/v1/members')).status).toBe(403);
  const again = { email: 'grace.hopper@example.com', password: 'correct horse' };
  expect((await stack.request('POST', '/v1/auth/sign-in', { body: again })).status).toBe(200);
});

test('of ten who accept at once one comes in; what was taken back lets nobody in', async () => {
  const { token } = await invite('viewer');
  const statuses = (await Promise.all(Array.from({ length: 10 }, () => accept(token)))).map(({ status }) => status);
  expect(statuses.filter((status) => status === 201)).toHaveLength(1);
  expect(statuses.filter((status) => status !== 201 && status !== 401)).toEqual([]);
  const revoked = await invite('viewer');
  expect((await owner('DELETE', `/v1/invitations/${revoked.id}`)).status).toBe(204);
  expect((await accept(revoked.token)).status).toBe(401);
});

test('an account with the same e-mail and password joins a second tenant, and chooses at sign-in', async () => {
  const elsewhere = await stack.tenant();
  const { token } = await invite('admin', elsewhere.email);
  const joined = await accept(token, elsewhere.password);
  expect(joined.body).toMatchObject({ user_id: elsewhere.userId, tenant_id: tenant.tenantId, role: 'admin' });
  for (const [tenantId, role] of [
    [elsewhere.tenantId, 'owner'],
    [tenant.tenantId, 'admin'],
  ]) {
    const body = { email: elsewhere.email, password: elsewhere.password, tenant_id: tenantId };
    expect((await stack.request('POST', '/v1/auth/sign-in', { body })).body).toMatchObject({ user_id: elsewhere.userId, role });
  }
  expect(await accept((await invite('viewer', elsewhere.email)).token, elsewhere.password)).toMatchObject({ status: 409 });
});

test('who was erased here, and is a member elsewhere, can be invited again: as somebody new', async () => {
  const elsewhere = await stack.tenant();
  const first = await accept((await invite('viewer', elsewhere.email)).token, elsewhere.password);
  const erased = await owner('POST', '/v1/privacy/erasures', { user_id: first.body.user_id });
  await expect
    .poll(async () => (await owner('GET', `/v1/privacy/erasures/${erased.body.id}`)).body.state, { timeout: 10_000 })
    .toBe('done');
  const second = await accept((await invite('viewer', elsewhere.email)).token, elsewhere.password);
  expect([second.status, second.body.user_id === first.body.user_id]).toEqual([201, false]);
});

test('nobody gives or takes what is above them, and the last owner stays', async () => {
  const [admin, viewer] = [await join('admin'), await join('viewer')];
  const asAdmin = as(admin.token);
  expect((await asAdmin('POST', '/v1/invitations', { email: 'x@example.com', role: 'owner' })).status).toBe(403);
  expect((await asAdmin('PATCH', `/v1/members/${viewer.id}`, { role: 'owner' })).status).toBe(403);
  expect((await asAdmin('PATCH', `/v1/members/${tenant.userId}`, { role: 'viewer' })).status).toBe(403);
  expect((await asAdmin('DELETE', `/v1/members/${tenant.userId}`)).status).toBe(403);
  expect((await as(viewer.token)('DELETE', `/v1/members/${admin.id}`)).status).toBe(403);
  expect(await owner('PATCH', `/v1/members/${tenant.userId}`, { role: 'admin' })).toMatchObject({
    status: 409,
    body: { code: 'last_owner' },
  });
  expect((await owner('DELETE', `/v1/members/${tenant.userId}`)).status).toBe(409);
  expect((await asAdmin('PATCH', `/v1/members/${viewer.id}`, { role: 'developer' })).body).toMatchObject({ role: 'developer' });
  // Two owners who leave at once leave one behind.
  const second = await stack.tenant();
  const invited = await stack.request('POST', '/v1/invitations', {
    token: second.accessToken,
    body: { email: 'co@example.com', role: 'owner' },
  });
  const co = (await accept(invited.body.token as string)).body;
  const left = await Promise.all([
    as(second.accessToken)('DELETE', `/v1/members/${second.userId}`),
    as(co.access_token)('DELETE', `/v1/members/${co.user_id}`),
  ]);
  expect(left.map(({ status }) => status).sort()).toEqual([204, 409]);
});

test('who is taken out or gets another role is out everywhere within five seconds: tokens, refresh and sockets of all replicas', async () => {
  const [changed, removed] = [await join('developer'), await join('developer')];
  const open = (token: string) => openChat(`${other.url.replace('http', 'ws')}/v1/chat?bot_id=${tenant.botId}`, { credential: token });
  const sockets = [await open(changed.token), await open(removed.token)];
  const begun = performance.now();
  expect((await owner('PATCH', `/v1/members/${changed.id}`, { role: 'viewer' })).status).toBe(200);
  expect((await owner('DELETE', `/v1/members/${removed.id}`)).status).toBe(204);
  for (const socket of sockets) expect((await socket.closed).code).toBe(4401);
  for (const { token } of [changed, removed])
    await expect.poll(async () => (await caller(other.url)('GET', '/v1/me', { token })).status, { timeout: 5_000 }).toBe(401);
  expect(performance.now() - begun).toBeLessThan(5_000);
  const events = (await owner('GET', '/v1/audit?limit=100')).body.data as { action: string }[];
  for (const action of ['member.invite', 'member.join', 'member.update', 'member.remove'])
    expect(events.some((event) => event.action === action)).toBe(true);
});
