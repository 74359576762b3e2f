import { afterAll, beforeAll, expect, test } from 'vitest';
import { newUuid, publicId, uuidOf } from '../../../kernel/ids.ts';
import { changed, row, rows } from '../../../platform/database/index.ts';
import { openChat } from '../../../../test/support/chat-client.ts';
import { caller, testStack } from '../../../../test/support/stack.ts';
import { KeyedHash } from '../../../platform/crypto/index.ts';

interface Session {
  access_token: string;
  refresh_token: string;
  tenant_id: string;
  user_id: string;
}

let stack: Awaited<ReturnType<typeof testStack>>;
beforeAll(async () => {
  stack = await testStack();
});
afterAll(() => stack.close());

const newEmail = () => `${newUuid()}@example.com`;
const password = 'correct horse battery';

async function signUp(email = newEmail()): Promise<Session> {
  const answer = await stack.request('POST', '/v1/auth/sign-up', { body: { email, password, tenant_name: 'Acme' } });
  expect(answer.status).toBe(201);
  return answer.body as Session;
}

const refresh = (token: string) => stack.request('POST', '/v1/auth/refresh', { body: { refresh_token: token } });
const me = (token: string) => stack.request('GET', '/v1/me', { token });
const tenantOf = (session: Session) => uuidOf('tenant', session.tenant_id) as string;

/** Lets the first use of a refresh token lie `seconds` back. */
async function age(session: Session, refreshToken: string, seconds: number): Promise<void> {
  const hash = stack.app.get(KeyedHash).of('refresh-token', refreshToken);
  const count = await stack.db.forTenant(tenantOf(session), (tx) =>
    changed(tx, 'UPDATE refresh_tokens SET used_at = used_at - make_interval(secs => $1) WHERE token_hash = $2 AND used_at IS NOT NULL', [
      seconds,
      hash,
    ]),
  );
  expect(count).toBe(1);
}

test('signing up gives a session that works, and the e-mail is not stored in clear', async () => {
  const email = newEmail();
  const session = await signUp(email.toUpperCase());
  expect(session).toMatchObject({ object: 'session', token_type: 'Bearer', expires_in: 900, role: 'owner' });
  const answer = await me(session.access_token);
  expect(answer.status).toBe(200);
  expect(answer.body).toMatchObject({
    object: 'caller',
    kind: 'user',
    tenant: { id: session.tenant_id, name: 'Acme' },
    user_id: session.user_id,
    email,
    role: 'owner',
  });
  const [membership] = await stack.db.forTenant(tenantOf(session), (tx) => rows<{ email: Buffer }>(tx, 'SELECT email FROM memberships'));
  expect(membership?.email.toString('latin1')).not.toContain('example.com');
});

test('neither signing up nor signing in tells whether an e-mail is known', async () => {
  const email = newEmail();
  const first = await signUp(email);
  const second = await signUp(email);
  expect(second.user_id).not.toBe(first.user_id);
  const wrong = await stack.request('POST', '/v1/auth/sign-in', { body: { email, password: 'wrong' } });
  const unknown = await stack.request('POST', '/v1/auth/sign-in', { body: { email: newEmail(), password: 'wrong' } });
  expect([wrong.status, unknown.status]).toEqual([401, 401]);
  const without = (body: unknown) => ({ ...(body as Record<string, unknown>), request_id: '' });
  expect(without(wrong.body)).toEqual(without(unknown.body));
  expect(wrong.body).toMatchObject({ code: 'invalid_credentials' });
});

test('the newest account wins, a named tenant is taken, a foreign or suspended one is refused', async () => {
  const email = newEmail();
  const [older, newer] = [await signUp(email), await signUp(email)];
  const foreign = await signUp();
  const signIn = (tenantId?: string) =>
    stack.request('POST', '/v1/auth/sign-in', { body: { email, password, ...(tenantId === undefined ? {} : { tenant_id: tenantId }) } });
  expect((await signIn()).body).toMatchObject({ tenant_id: newer.tenant_id, user_id: newer.user_id });
  expect((await signIn(older.tenant_id)).body).toMatchObject({ tenant_id: older.tenant_id, user_id: older.user_id });
  for (const tenantId of [foreign.tenant_id, publicId('tenant', newUuid()), 'nonsense']) expect((await signIn(tenantId)).status).toBe(401);
  await stack.db.forTenant(tenantOf(newer), (tx) => changed(tx, `UPDATE tenants SET status = 'suspended'`));
  expect((await signIn()).body).toMatchObject({ tenant_id: older.tenant_id });
  expect((await signIn(newer.tenant_id)).body).toMatchObject({ code: 'invalid_credentials' });
  expect((await refresh(newer.refresh_token)).body).toMatchObject({ code: 'refresh_token_invalid' });
});

test('a refresh token is exchanged for the next, and the chain goes on', async () => {
  let session = await signUp();
  const seen = new Set([session.refresh_token]);
  for (let i = 0; i < 3; i += 1) {
    const answer = await refresh(session.refresh_token);
    expect(answer.status).toBe(200);
    session = answer.body as Session;
    expect(seen.has(session.refresh_token)).toBe(false);
    seen.add(session.refresh_token);
  }
  expect((await me(session.access_token)).status).toBe(200);
});

test('a client that lost the answer may ask again within the grace time', async () => {
  const session = await signUp();
  const lost = await refresh(session.refresh_token);
  await age(session, session.refresh_token, 5);
  const again = await refresh(session.refresh_token);
  expect([lost.status, again.status]).toEqual([200, 200]);
  expect((await refresh((again.body as Session).refresh_token)).status).toBe(200);
});

test('a token that comes again later ends the whole session, its access tokens too', async () => {
  const session = await signUp();
  const next = (await refresh(session.refresh_token)).body as Session;
  expect((await me(next.access_token)).status).toBe(200);
  await age(session, session.refresh_token, 11);
  const replay = await refresh(session.refresh_token);
  expect([replay.status, replay.body]).toMatchObject([401, { code: 'refresh_token_reused' }]);
  expect((await refresh(next.refresh_token)).body).toMatchObject({ code: 'refresh_token_invalid' });
  expect((await me(next.access_token)).status).toBe(401);
  const [stored] = await stack.db.forTenant(tenantOf(session), (tx) =>
    rows<{ reason: string }>(tx, 'SELECT revoked_reason AS reason FROM sessions'),
  );
  expect(stored?.reason).toBe('refresh_token_reused');
});

test('parallel refreshes with one token all succeed, up to a bound', async () => {
  const session = await signUp();
  const answers = await Promise.all([refresh(session.refresh_token), refresh(session.refresh_token)]);
  expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  const [one, two] = answers.map(({ body }) => (body as Session).refresh_token) as [string, string];
  expect(one).not.toBe(two);
  expect((await Promise.all([refresh(one), refresh(two)])).map(({ status }) => status)).toEqual([200, 200]);
  const flood = await Promise.all(Array.from({ length: 20 }, () => refresh(session.refresh_token)));
  const made = await stack.db.forTenant(tenantOf(session), (tx) =>
    row<{ count: number }>(tx, 'SELECT count(*)::int AS count FROM refresh_tokens'),
  );
  expect(made?.count).toBe(10);
  expect(flood.some(({ status }) => status === 429)).toBe(true);
});

test('parallel replays of an old token end the session once and let nobody in', async () => {
  const session = await signUp();
  await refresh(session.refresh_token);
  await age(session, session.refresh_token, 11);
  const answers = await Promise.all(Array.from({ length: 5 }, () => refresh(session.refresh_token)));
  expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401]);
  expect(answers.filter(({ body }) => (body as { code: string }).code === 'refresh_token_reused')).toHaveLength(1);
});

test('signing out ends the session at once and never tells whether there was one', async () => {
  const session = await signUp();
  expect((await me(session.access_token)).status).toBe(200);
  const signOut = (token: string) => stack.request('POST', '/v1/auth/sign-out', { body: { refresh_token: token } });
  expect((await signOut(session.refresh_token)).status).toBe(204);
  expect((await me(session.access_token)).status).toBe(401);
  expect((await refresh(session.refresh_token)).body).toMatchObject({ code: 'refresh_token_invalid' });
  for (const token of [session.refresh_token, `prt_${'A'.repeat(43)}`, 'nonsense']) expect((await signOut(token)).status).toBe(204);
});

test('a session does not outlive its end, however fresh its token', async () => {
  const session = await signUp();
  await stack.db.forTenant(tenantOf(session), (tx) => changed(tx, `UPDATE sessions SET expires_at = now() - interval '1 second'`));
  expect((await refresh(session.refresh_token)).body).toMatchObject({ code: 'refresh_token_invalid' });
  expect((await me(session.access_token)).status).toBe(401);
});

test('a disabled user is out', async () => {
  const email = newEmail();
  const session = await signUp(email);
  await stack.system.run('sign-in', (tx) =>
    changed(tx, 'UPDATE users SET disabled_at = now() WHERE id = $1', [uuidOf('user', session.user_id)]),
  );
  expect((await me(session.access_token)).status).toBe(401);
  expect((await refresh(session.refresh_token)).body).toMatchObject({ code: 'refresh_token_invalid' });
  expect((await stack.request('POST', '/v1/auth/sign-in', { body: { email, password } })).body).toMatchObject({
    code: 'invalid_credentials',
  });
});

const chrome = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36';
const newerChrome = chrome.replace('141.0.0.0', '142.0.0.0');
const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';

/** Signs in with a program that calls itself so. */
async function signInWith(email: string, userAgent: string): Promise<Session> {
  const answer = await stack.request('POST', '/v1/auth/sign-in', { body: { email, password }, headers: { 'user-agent': userAgent } });
  expect(answer.status).toBe(200);
  return answer.body as Session;
}

test('members see where they are signed in, by device and address, and sign out there: tokens and sockets of all replicas within five seconds', async () => {
  const other = await stack.replica();
  const tenant = await stack.tenant();
  const changeUser = await stack.request('POST', '/v1/auth/sign-in', {
    body: { email: tenant.email, password: tenant.password },
    headers: { 'user-agent': firefox },
  });
  const elsewhere = changeUser.body as Session;
  const list = async () =>
    (await stack.request('GET', '/v1/sessions', { token: tenant.accessToken })).body.data as Record<string, unknown>[];
  expect(await list()).toMatchObject([
    { current: false, device: 'Firefox on Linux', address: '127.0.0.1', amr: ['pwd'] },
    { current: true, device: 'node' },
  ]);
  const socket = await openChat(`${other.url.replace('http', 'ws')}/v1/chat?bot_id=${tenant.botId}`, {
    credential: elsewhere.access_token,
  });
  const begun = performance.now();
  const id = (await list())[0]?.['id'] as string;
  expect((await stack.request('DELETE', `/v1/sessions/${id}`, { token: tenant.accessToken })).status).toBe(204);
  expect((await socket.closed).code).toBe(4401);
  await expect.poll(async () => (await caller(other.url)('GET', '/v1/me', { token: elsewhere.access_token })).status).toBe(401);
  expect(performance.now() - begun).toBeLessThan(5_000);
  expect((await refresh(elsewhere.refresh_token)).status).toBe(401);
  expect((await stack.request('DELETE', `/v1/sessions/${id}`, { token: tenant.accessToken })).status).toBe(404);
  const more = await stack.request('POST', '/v1/auth/sign-in', { body: { email: tenant.email, password: tenant.password } });
  expect((await stack.request('POST', '/v1/sessions/revoke-others', { token: tenant.accessToken })).body).toMatchObject({ count: 1 });
  expect((await refresh(more.body.refresh_token)).status).toBe(401);
  expect(await list()).toMatchObject([{ current: true }]);
  expect((await stack.request('POST', `/v1/members/${tenant.userId}/sessions`, { token: tenant.accessToken })).status).toBe(404);
  const all = await stack.request('DELETE', `/v1/members/${tenant.userId}/sessions`, { token: tenant.accessToken });
  expect(all.body).toMatchObject({ count: 1 });
  expect((await refresh(tenant.refreshToken)).status).toBe(401);
});

test('a session does not move to another browser; a newer version of the same is no other', async () => {
  const email = newEmail();
  await signUp(email);
  const as = (token: string, userAgent: string) =>
    stack.request('POST', '/v1/auth/refresh', { body: { refresh_token: token }, headers: { 'user-agent': userAgent } });
  const session = await signInWith(email, chrome);
  const updated = await as(session.refresh_token, newerChrome);
  expect(updated.status).toBe(200);
  expect(await as(updated.body.refresh_token, firefox)).toMatchObject({ status: 401, body: { code: 'session_moved' } });
  expect((await as(updated.body.refresh_token, chrome)).body).toMatchObject({ code: 'refresh_token_invalid' });
  await expect.poll(async () => (await me(updated.body.access_token)).status).toBe(401);
  const owner = await signInWith(email, chrome);
  const events = (await stack.request('GET', '/v1/audit?action=session.moved', { token: owner.access_token })).body.data as object[];
  expect(events).toMatchObject([{ action: 'session.moved', outcome: 'refused' }]);
});

test('a session that lies unused too long is over', async () => {
  const session = await signUp();
  await stack.db.forTenant(tenantOf(session), (tx) =>
    changed(tx, `UPDATE refresh_tokens SET created_at = created_at - interval '15 days'`),
  );
  expect((await refresh(session.refresh_token)).body).toMatchObject({ code: 'refresh_token_invalid' });
});
