import { afterAll, beforeAll, expect, test } from 'vitest';
import { openChat } from '../../../../test/support/chat-client.ts';
import { mailServer } from '../../../../test/support/mail-server.ts';
import { caller, type TestStack, type TestTenant, testStack } from '../../../../test/support/stack.ts';
import type { RunningServer } from '../../../apps/server.main.ts';

let mail: Awaited<ReturnType<typeof mailServer>>;
let stack: TestStack;
let other: RunningServer;
let tenant: TestTenant;
const lines: string[] = [];

beforeAll(async () => {
  mail = await mailServer();
  const env = { SMTP_URL: mail.url, AUTH_MAILS_PER_ADDRESS_PER_HOUR: '1000' };
  stack = await testStack({ env, onLog: (line) => lines.push(line) });
  other = await stack.replica();
  tenant = await stack.tenant();
});
afterAll(async () => {
  await stack.close();
  await mail.stop();
});

const post = (path: string, body: unknown, token?: string) =>
  stack.request('POST', `/v1/auth/${path}`, { body, ...(token === undefined ? {} : { token }) });
const signIn = (email: string, password: string) => post('sign-in', { email, password });

/** Waits for the `nth` mail to an address with this subject, and gives the token in its link. */
async function tokenMailed(to: string, subject: string, nth = 1): Promise<string> {
  const mails = () => mail.kept.filter((each) => each.to.includes(to) && each.text.includes(`Subject: ${subject}`));
  await expect.poll(() => mails().length, { timeout: 10_000 }).toBeGreaterThanOrEqual(nth);
  const text = (mails()[nth - 1]?.text ?? '').replaceAll('=\r\n', '').replaceAll('=3D', '=');
  return /#token=([\w-]+)/.exec(text)?.[1] ?? '';
}

test('who has forgotten their password sets a new one by mail, once; every session and socket of the account ends', async () => {
  expect(await post('password-reset', { email: tenant.email.toUpperCase() })).toMatchObject({ status: 202 });
  const token = await tokenMailed(tenant.email, 'A new password');
  const socket = await openChat(`${other.url.replace('http', 'ws')}/v1/chat?bot_id=${tenant.botId}`, { credential: tenant.accessToken });
  const begun = performance.now();
  expect((await post('password-reset/confirm', { token, password: 'short' })).status).toBe(400);
  const results = await Promise.all(Array.from({ length: 5 }, () => post('password-reset/confirm', { token, password: 'a new password' })));
  expect(results.map(({ status }) => status).sort()).toEqual([204, 401, 401, 401, 401]);
  expect((await socket.closed).code).toBe(4401);
  await expect.poll(async () => (await caller(other.url)('GET', '/v1/me', { token: tenant.accessToken })).status).toBe(401);
  expect(performance.now() - begun).toBeLessThan(5_000);
  expect((await post('refresh', { refresh_token: tenant.refreshToken })).status).toBe(401);
  expect((await signIn(tenant.email, tenant.password)).status).toBe(401);
  const session = await signIn(tenant.email, 'a new password');
  expect(session.status).toBe(200);
  // Whoever reads the mail has proven the mailbox, and is told when a password changes.
  expect((await stack.request('GET', '/v1/me', { token: session.body.access_token })).body).toMatchObject({ email_verified: true });
  await tokenMailed(tenant.email, 'Your password was changed');
  const actions = (await stack.request('GET', '/v1/audit?limit=50', { token: session.body.access_token })).body.data as {
    action: string;
  }[];
  for (const action of ['password.reset_ask', 'password.change']) expect(actions.map((each) => each.action)).toContain(action);
});

test('an unknown e-mail gets the same answer and no mail; too many are refused; other tokens count for nothing', async () => {
  const member = await stack.tenant();
  const [known, unknown] = [
    await post('password-reset', { email: member.email }),
    await post('password-reset', { email: 'nobody@example.com' }),
  ];
  expect([unknown.status, unknown.body]).toEqual([known.status, known.body]);
  const reset = await tokenMailed(member.email, 'A new password');
  expect(mail.kept.some(({ to }) => to.includes('nobody@example.com'))).toBe(false);
  const statuses = [];
  for (let at = 0; at < 5; at += 1) statuses.push((await post('password-reset', { email: 'nobody@example.com' })).status);
  expect(statuses).toEqual([202, 202, 202, 202, 429]);
  const verify = await tokenMailed(member.email, 'Confirm your e-mail');
  for (const token of [verify, `${reset}A`, reset.replace('prs_', 'pev_'), member.refreshToken, member.apiKey, 'x'])
    expect(await post('password-reset/confirm', { token, password: 'a new password' })).toMatchObject({
      status: 401,
      body: { code: 'recovery_token_invalid' },
    });
  for (const token of [reset, `${verify}A`, 'x']) expect((await post('email-verification/confirm', { token })).status).toBe(401);
});

test('a mailbox is proven with the token of the mail of the sign-up, or of another', async () => {
  const { email, accessToken } = await stack.tenant();
  const verified = async () => (await stack.request('GET', '/v1/me', { token: accessToken })).body.email_verified as boolean;
  const first = await tokenMailed(email, 'Confirm your e-mail');
  expect(await verified()).toBe(false);
  expect((await post('email-verification', undefined, accessToken)).status).toBe(202);
  const second = await tokenMailed(email, 'Confirm your e-mail', 2);
  for (const token of [second, first, second]) expect((await post('email-verification/confirm', { token })).status).toBe(204);
  expect(await verified()).toBe(true);
  expect((await post('email-verification', undefined, tenant.apiKey)).status).toBe(403);
});

test('who knows their password changes it, and goes on with a new session alone', async () => {
  const { email, password, accessToken, refreshToken } = await stack.tenant();
  const change = (current: string) => post('password', { current_password: current, new_password: 'quite another one' }, accessToken);
  expect(await change('wrong password')).toMatchObject({ status: 401, body: { code: 'invalid_credentials' } });
  expect((await stack.request('GET', '/v1/me', { token: accessToken })).status).toBe(200);
  const changed = await change(password);
  expect(changed.status).toBe(200);
  expect((await stack.request('GET', '/v1/me', { token: changed.body.access_token })).status).toBe(200);
  expect((await post('refresh', { refresh_token: changed.body.refresh_token })).status).toBe(200);
  expect((await post('refresh', { refresh_token: refreshToken })).status).toBe(401);
  await expect.poll(async () => (await stack.request('GET', '/v1/me', { token: accessToken })).status).toBe(401);
  expect((await signIn(email, password)).status).toBe(401);
});

test('neither log nor Redis has seen an address or a token', async () => {
  const secrets = mail.kept.flatMap(({ to, text }) => [...to, ...(/#token=3D([\w-]{20})|#token=([\w-]{20})/.exec(text) ?? []).slice(1)]);
  expect(secrets.length).toBeGreaterThan(5);
  const all = lines.join('\n');
  expect(secrets.filter((secret) => secret !== undefined && all.includes(secret))).toEqual([]);
  const keys = await stack.redis.keys('bull:*');
  const values = await Promise.all(keys.map(async (key) => ((await stack.redis.type(key)) === 'hash' ? stack.redis.hgetall(key) : key)));
  const stored = JSON.stringify(values);
  expect(secrets.filter((secret) => secret !== undefined && stored.includes(secret))).toEqual([]);
});
