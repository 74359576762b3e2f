import { TOTP } from 'otpauth';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openChat } from '../../../../test/support/chat-client.ts';
import { type Misbehaviour, SoftAuthenticator } from '../../../../test/support/soft-authenticator.ts';
import { caller, type TestStack, type TestTenant, testStack } from '../../../../test/support/stack.ts';
import type { RunningServer } from '../../../apps/server.main.ts';
import { changed } from '../../../platform/database/index.ts';

let stack: TestStack;
let other: RunningServer;
const lines: string[] = [];

beforeAll(async () => {
  // Tries are limited; the limits have tests of their own.
  stack = await testStack({ env: { AUTH_SIGN_IN_PER_ACCOUNT_PER_MINUTE: '1000' }, onLog: (line) => lines.push(line) });
  other = await stack.replica();
});
afterAll(() => stack.close());

const post = (path: string, body: unknown, token?: string) =>
  stack.request('POST', `/v1/${path}`, { body, ...(token === undefined ? {} : { token }) });
const signIn = ({ email, password }: TestTenant) => post('auth/sign-in', { email, password });
const codeNow = (secret: string, shift = 0) => new TOTP({ secret }).generate({ timestamp: Date.now() + shift * 30_000 });

/** Adds an authenticator app by a code of the step before, so that those of now and later are still good. */
async function enrol(tenant: TestTenant): Promise<{ id: string; secret: string; codes: string[] }> {
  const made = await post('second-factors/totp', { name: 'My phone' }, tenant.accessToken);
  expect(made.status).toBe(201);
  const { id, secret } = made.body as { id: string; secret: string };
  const confirmed = await post(`second-factors/${id}/confirm`, { code: codeNow(secret, -1) }, tenant.accessToken);
  expect(confirmed).toMatchObject({ status: 200, body: { factor: { kind: 'totp', name: 'My phone', confirmed: true } } });
  return { id, secret, codes: confirmed.body.recovery_codes as string[] };
}

/** Lets the last proof of all the tenant's sessions lie eleven minutes back. */
async function age({ tenantUuid }: TestTenant): Promise<void> {
  await stack.db.forTenant(tenantUuid, (tx) => changed(tx, `UPDATE sessions SET proven_at = proven_at - interval '11 minutes'`));
}

describe('an authenticator app', () => {
  test('is asked for after the password; a code counts once, and no other counts', async () => {
    const tenant = await stack.tenant();
    const { secret, codes } = await enrol(tenant);
    expect(codes).toHaveLength(10);
    const step = await signIn(tenant);
    expect(step).toMatchObject({ status: 200, body: { object: 'second_step', methods: ['totp', 'recovery_code'] } });
    expect(JSON.stringify(step.body)).not.toMatch(/access_token|refresh_token/);
    const { token } = step.body as { token: string };
    const finish = (proof: object, with_ = token) => post('auth/second-factor', { token: with_, proof });
    for (const proof of [
      { code: '000000' },
      { code: codeNow(secret, -1) },
      { code: codeNow(secret, 5) },
      { code: '' },
      { recovery_code: 'AAAA-BBBB-CCCC' },
    ])
      expect(await finish(proof)).toMatchObject({ status: 401, body: { code: 'second_factor_refused' } });
    expect(await finish({ code: codeNow(secret) }, 'x'.repeat(43))).toMatchObject({ status: 401, body: { code: 'second_step_expired' } });
    const code = codeNow(secret);
    const results = await Promise.all(Array.from({ length: 5 }, () => finish({ code })));
    expect(results.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(results.every(({ status }) => status === 200 || status === 401)).toBe(true);
    const session = results.find(({ status }) => status === 200)?.body;
    const [newest] = (await stack.request('GET', '/v1/sessions', { token: session.access_token })).body.data as { amr: string[] }[];
    expect(newest?.amr.toSorted()).toEqual(['mfa', 'otp', 'pwd']);
  });

  test('recovery codes let in once each, however they are typed; new ones end the old', async () => {
    const tenant = await stack.tenant();
    const { codes } = await enrol(tenant);
    const finish = async (recovery_code: string) => {
      const { token } = (await signIn(tenant)).body as { token: string };
      return post('auth/second-factor', { token, proof: { recovery_code } });
    };
    const used = await finish((codes[0] ?? '').toLowerCase().replaceAll('-', ' '));
    expect(used.status).toBe(200);
    expect((await finish(codes[0] ?? '')).status).toBe(401);
    expect((await stack.request('GET', '/v1/second-factors', { token: tenant.accessToken })).body).toMatchObject({
      recovery_codes_left: 9,
    });
    const renewed = await post('second-factors/recovery-codes', undefined, used.body.access_token);
    expect(renewed.status).toBe(201);
    expect((await finish(codes[1] ?? '')).status).toBe(401);
    expect((await finish(renewed.body.recovery_codes[0])).status).toBe(200);
  });

  test('dangerous acts ask for a proof of the last ten minutes; keys are not asked, nor who has no factor', async () => {
    const tenant = await stack.tenant();
    const makeKey = (token: string) => post('api-keys', { name: 'one more' }, token);
    await age(tenant);
    expect((await makeKey(tenant.accessToken)).status).toBe(201);
    const { secret } = await enrol(tenant);
    expect((await makeKey(tenant.accessToken)).status).toBe(201);
    await age(tenant);
    await post('auth/step-up', { proof: { code: '000000' } }, tenant.accessToken);
    await expect.poll(async () => (await makeKey(tenant.accessToken)).status, { timeout: 6_000 }).toBe(403);
    const answer = await makeKey(tenant.accessToken);
    expect(answer).toMatchObject({ status: 403, body: { code: 'step_up_required' } });
    expect(answer.headers.get('www-authenticate')).toBe('Bearer error="insufficient_user_authentication", max_age="600"');
    expect((await stack.request('GET', '/v1/api-keys', { token: tenant.accessToken })).status).toBe(200);
    expect((await post('invitations', { email: 'x@example.com', role: 'viewer' }, tenant.accessToken)).status).toBe(403);
    const byKey = await post('api-keys', { name: 'by a key', scopes: ['bot.read'] }, tenant.apiKey);
    expect(byKey.body.code).not.toBe('step_up_required');
    expect((await post('auth/step-up', { proof: { code: codeNow(secret) } }, tenant.accessToken)).status).toBe(204);
    expect((await makeKey(tenant.accessToken)).status).toBe(201);
  });

  test('a tenant can demand one: members without reach their own account only, on all replicas and open sockets, until they have one', async () => {
    const tenant = await stack.tenant();
    const policy = (second_factor: string, token = tenant.accessToken) =>
      stack.request('PUT', '/v1/security-policy', { token, body: { second_factor } });
    const socket = await openChat(`${stack.wsUrl}?bot_id=${tenant.botId}`, { credential: tenant.accessToken });
    expect((await policy('required')).body).toMatchObject({ second_factor: 'required' });
    for (const url of [stack.url, other.url])
      await expect
        .poll(async () => (await caller(url)('GET', '/v1/bots', { token: tenant.accessToken })).body.code, { timeout: 5_000 })
        .toBe('second_factor_demanded');
    expect((await socket.closed).code).toBe(4401);
    expect((await stack.request('GET', '/v1/me', { token: tenant.accessToken })).status).toBe(200);
    expect((await stack.request('GET', '/v1/bots', { token: tenant.apiKey })).status).toBe(200);
    const { id } = await enrol(tenant);
    expect((await stack.request('GET', '/v1/bots', { token: tenant.accessToken })).status).toBe(200);
    expect(await stack.request('DELETE', `/v1/second-factors/${id}`, { token: tenant.accessToken })).toMatchObject({
      status: 409,
      body: { code: 'second_factor_needed' },
    });
    expect((await policy('optional')).status).toBe(200);
    expect((await stack.request('DELETE', `/v1/second-factors/${id}`, { token: tenant.accessToken })).status).toBe(204);
    expect((await signIn(tenant)).body).toMatchObject({ object: 'session' });
  });

  test('whoever has lost it is helped by an owner or admin of at least their rank; then the password is enough again', async () => {
    const [tenant, stranger] = [await stack.tenant(), await stack.tenant()];
    const invited = await post('invitations', { email: 'lost@example.com', role: 'developer' }, tenant.accessToken);
    const joined = await post('auth/accept-invitation', { token: invited.body.token, password: 'correct horse' });
    const member = { ...tenant, accessToken: joined.body.access_token as string, email: 'lost@example.com', password: 'correct horse' };
    await enrol(member);
    const reset = (token: string, id: string) => stack.request('DELETE', `/v1/members/${id}/second-factors`, { token });
    expect((await reset(stranger.accessToken, joined.body.user_id)).status).toBe(404);
    expect((await reset(member.accessToken, tenant.userId)).status).toBe(403);
    expect((await reset(tenant.accessToken, joined.body.user_id)).status).toBe(204);
    expect((await stack.request('GET', '/v1/me', { token: member.accessToken })).status).toBe(401);
    expect((await signIn(member)).body).toMatchObject({ object: 'session' });
  });
});

describe('a passkey', () => {
  const [origin, host] = ['http://localhost:3000', 'localhost'];

  async function withPasskey(): Promise<{ tenant: TestTenant; device: SoftAuthenticator }> {
    const [tenant, device] = [await stack.tenant(), new SoftAuthenticator(origin, host)];
    const options = await post('second-factors/passkeys/options', undefined, tenant.accessToken);
    expect(options.body).toMatchObject({ rp: { id: host }, authenticatorSelection: { userVerification: 'required' } });
    const added = await post('second-factors/passkeys', { name: 'Laptop', passkey: device.create(options.body) }, tenant.accessToken);
    expect(added).toMatchObject({ status: 201, body: { factor: { kind: 'passkey', name: 'Laptop' } } });
    expect(added.body.recovery_codes).toHaveLength(10);
    return { tenant, device };
  }

  test('signs in alone, as the second step, and for a step-up', async () => {
    const { tenant, device } = await withPasskey();
    const alone = await post('auth/passkey', { passkey: device.get((await post('auth/passkey/options', undefined)).body) });
    expect(alone).toMatchObject({ status: 200, body: { tenant_id: tenant.tenantId, user_id: tenant.userId, role: 'owner' } });
    const { token } = (await signIn(tenant)).body as { token: string };
    const options = (await post('auth/second-factor/options', { token })).body;
    expect(options.allowCredentials).toMatchObject([{ id: device.id }]);
    const second = await post('auth/second-factor', { token, proof: { passkey: device.get(options) } });
    expect(second.status).toBe(200);
    const stepUp = (await post('auth/step-up/options', undefined, second.body.access_token)).body;
    expect((await post('auth/step-up', { proof: { passkey: device.get(stepUp) } }, second.body.access_token)).status).toBe(204);
  });

  test.each<[string, Misbehaviour]>([
    ['another origin', { origin: 'https://evil.example' }],
    ['another port', { origin: 'http://localhost:3001' }],
    ['another host', { host: 'evil.example' }],
    ['nobody verified', { unverified: true }],
    ['a challenge of its own', { challenge: 'A'.repeat(43) }],
    ['a counter that went back', { counter: 0 }],
  ])('does not count with %s', async (_what, wrong) => {
    const { device } = await withPasskey();
    const options = async () => (await post('auth/passkey/options', undefined)).body;
    expect((await post('auth/passkey', { passkey: device.get(await options()) })).status).toBe(200);
    expect(await post('auth/passkey', { passkey: device.get(await options(), wrong) })).toMatchObject({
      status: 401,
      body: { code: 'second_factor_refused' },
    });
  });

  test('does not count twice, for somebody else, for another purpose, or with another key', async () => {
    const [one, two] = [await withPasskey(), await withPasskey()];
    const refused = ({ status, body }: { status: number; body: { code?: string } }) =>
      expect([status === 401 || status === 422, body.code]).toEqual([true, 'second_factor_refused']);
    const options = async () => (await post('auth/passkey/options', undefined)).body;
    const signed = one.device.get(await options());
    expect((await post('auth/passkey', { passkey: signed })).status).toBe(200);
    refused(await post('auth/passkey', { passkey: signed }));
    const { token } = (await signIn(one.tenant)).body as { token: string };
    const second = (await post('auth/second-factor/options', { token })).body;
    refused(await post('auth/second-factor', { token, proof: { passkey: two.device.get(second) } }));
    refused(await post('auth/second-factor', { token, proof: { passkey: one.device.get(await options()) } }));
    const stranger = new SoftAuthenticator(origin, host);
    refused(await post('auth/passkey', { passkey: { ...stranger.get(await options()), id: one.device.id } }));
    refused(await post('auth/passkey', { passkey: stranger.get(await options()) }));
    const made = new SoftAuthenticator(origin, host).create(
      (await post('second-factors/passkeys/options', undefined, one.tenant.accessToken)).body,
    );
    refused(await post('second-factors/passkeys', { passkey: made }, two.tenant.accessToken));
    for (const garbage of [
      { ...signed, response: { clientDataJSON: 'e30' } },
      { ...signed, response: { clientDataJSON: '!' } },
    ])
      refused(await post('auth/passkey', { passkey: garbage }));
  });
});

test('no secret is in the log or in Redis', async () => {
  const tenant = await stack.tenant();
  const { secret, codes } = await enrol(tenant);
  const { token } = (await signIn(tenant)).body as { token: string };
  const keys = await stack.redis.keys('second-step:*');
  expect(keys.length).toBeGreaterThan(0);
  const stored = JSON.stringify([keys, await Promise.all(keys.map((key) => stack.redis.get(key)))]) + lines.join('\n');
  expect([secret, token, ...codes].filter((each) => stored.includes(each))).toEqual([]);
});
