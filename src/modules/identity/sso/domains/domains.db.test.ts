import type { JWTPayload } from 'jose';
import { Events, type MutableToken, OAuth2Server } from 'oauth2-mock-server';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newUuid } from '../../../../kernel/ids.ts';
import { type NameServer, nameServer } from '../../../../../test/support/name-server.ts';
import { SsoBrowser, toldOf } from '../../../../../test/support/sso-browser.ts';
import { type TestStack, type TestTenant, testStack } from '../../../../../test/support/stack.ts';

/* Domains that are proven by DNS: what a tenant's directory may say then, and that passwords can be switched off. */

const password = 'correct horse battery';
let dns: NameServer;
let stack: TestStack;
let mine: TestTenant;
let theirs: TestTenant;
let mock: OAuth2Server;
let claims: JWTPayload;
let domain: { id: string; domain: string };

const api = (method: string, path: string, body?: unknown, token = mine.accessToken) =>
  stack.request(method, path, { token, ...(body === undefined ? {} : { body }) });
const newEmail = (of = domain.domain) => `${newUuid()}@${of}`;

interface StoredDomain {
  id: string;
  domain: string;
  status: string;
  txt_name: string;
  txt_value: string;
}

async function add(name: string, tenant = mine): Promise<StoredDomain> {
  const made = await api('POST', '/v1/domains', { domain: name }, tenant.accessToken);
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  return made.body as StoredDomain;
}
const verify = async ({ id }: { id: string }, tenant = mine) =>
  (await api('POST', `/v1/domains/${id}/verify`, undefined, tenant.accessToken)).body as StoredDomain;
async function proven(name: string, tenant = mine): Promise<StoredDomain> {
  const added = await add(name, tenant);
  dns.records.set(added.txt_name, [...(dns.records.get(added.txt_name) ?? []), [added.txt_value]]);
  const answer = await verify(added, tenant);
  expect(answer.status).toBe('verified');
  return answer;
}

async function connect(more: object, tenant = mine): Promise<string> {
  const body = { name: 'Directory', kind: 'oidc', issuer: mock.issuer.url, client_id: 'parley', authoritative: true, ...more };
  const made = await api('POST', '/v1/identity-providers', body, tenant.accessToken);
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  return made.body.id as string;
}

/** A member with a password, who came by an invitation; with the password of somebody who is there already, that person. */
async function member(email: string, role = 'developer', tenant = mine): Promise<{ userId: string; token: string }> {
  const invited = await api('POST', '/v1/invitations', { email, role }, tenant.accessToken);
  const joined = await api('POST', '/v1/auth/accept-invitation', { token: invited.body.token, password });
  expect(joined.status, JSON.stringify(joined.body)).toBe(201);
  return { userId: joined.body.user_id as string, token: joined.body.access_token as string };
}
const signIn = (email: string, given = password, tenant?: TestTenant) =>
  api('POST', '/v1/auth/sign-in', { email, password: given, ...(tenant === undefined ? {} : { tenant_id: tenant.tenantId }) });

/** What the page is told when somebody comes from a provider of whom it says `said`. */
async function told(provider: string, said: JWTPayload): Promise<{ told: Record<string, string>; browser: SsoBrowser }> {
  claims = { sub: newUuid(), ...said };
  const browser = new SsoBrowser(stack.url);
  return { told: toldOf(await browser.signIn(provider)), browser };
}

beforeAll(async () => {
  dns = await nameServer();
  stack = await testStack({ env: { AUTH_SSO_ALLOW_PRIVATE_URLS: 'true', AUTH_DNS_SERVERS: dns.address, DRAIN_TIMEOUT_MS: '100' } });
  [mine, theirs] = [await stack.tenant(), await stack.tenant()];
  mock = new OAuth2Server();
  await mock.issuer.keys.generate('RS256');
  await mock.start(0, '127.0.0.1');
  mock.service.on(Events.BeforeTokenSigning, ({ payload }: MutableToken) => {
    if (payload['aud'] === 'parley') Object.assign(payload, claims);
  });
  domain = await proven('corp.example');
});
afterAll(async () => {
  await mock.stop();
  await stack.close();
  dns.close();
});

describe('the proof', () => {
  test('is the whole value, at the right name, of this tenant and this domain', async () => {
    const added = await add('proof.example');
    expect(added).toMatchObject({ status: 'pending', txt_name: '_parley-challenge.proof.example' });
    const foreign = await add('proof.example', theirs);
    const wrong: [string, string[][]][] = [
      [added.txt_name, []],
      ['proof.example', [[added.txt_value]]],
      ['_parley-challenge.www.proof.example', [[added.txt_value]]],
      [added.txt_name, [[`${added.txt_value} `]]],
      [added.txt_name, [[added.txt_value.slice(0, -1)]]],
      [added.txt_name, [[foreign.txt_value]]],
      [added.txt_name, [[(await add('other.example')).txt_value]]],
    ];
    for (const [name, records] of wrong) {
      dns.records.clear();
      dns.records.set(name, records);
      expect((await verify(added)).status, JSON.stringify([name, records])).toBe('pending');
    }
    dns.records.set(added.txt_name, [['v=spf1 -all'], [added.txt_value.slice(0, 20), added.txt_value.slice(20)]]);
    expect((await verify(added)).status).toBe('verified');
    // P4: what one tenant has proven, another has not.
    expect((await verify(foreign, theirs)).status).toBe('pending');
    expect((await api('POST', `/v1/domains/${foreign.id}/verify`)).status).toBe(404);
  });

  test.each([
    'localhost',
    'com',
    '-a.example',
    'a_b.example',
    '*.example.com',
    'example.com/x',
    '127.0.0.1',
    'exämple.com',
    `${'a'.repeat(64)}.com`,
  ])('%s is no domain that could be proven', async (name) => expect((await api('POST', '/v1/domains', { domain: name })).status).toBe(400));
});

test('discovery by e-mail shows the providers of who has proven the domain, the same for every e-mail of it', async () => {
  const provider = await connect({ name: 'Found' });
  await add('theirs.example', theirs);
  await connect({ name: 'Phishing' }, theirs);
  const discover = async (email: string) => {
    const { body } = await api('POST', '/v1/auth/sso/discover', { email });
    return (body.data as { name: string }[]).map(({ name }) => name);
  };
  const email = newEmail();
  await member(email);
  expect(await discover(email)).toContain('Found');
  expect(await discover(newEmail())).toEqual(await discover(email));
  expect(await discover(newEmail('theirs.example'))).toEqual([]);
  await api('PATCH', `/v1/identity-providers/${provider}`, { enabled: false });
  expect(await discover(email)).not.toContain('Found');
});

describe("a tenant's own directory", () => {
  test('speaks for e-mails of a proven domain, without a word about whether they are verified', async () => {
    const directory = await connect({ join_role: 'viewer' });
    const { told: first, browser } = await told(directory, { email: newEmail() });
    const session = await browser.exchange(first['sso_code'] ?? '');
    expect([session.status, session.body.role]).toEqual([200, 'viewer']);
    for (const email of [newEmail('sub.corp.example'), newEmail('other.example')])
      expect((await told(directory, { email })).told).toEqual({ sso_error: 'email_unverified' });
    const stranger = await connect({ authoritative: false, join_role: 'viewer' });
    expect((await told(stranger, { email: newEmail() })).told).toEqual({ sso_error: 'email_unverified' });
  });

  test('links a member of this tenant alone without their password, but no owner, and nobody who is a member elsewhere', async () => {
    const directory = await connect({});
    const [here, owner, both] = [newEmail(), newEmail(), newEmail()];
    const { userId } = await member(here);
    await member(owner, 'owner');
    await member(both);
    await member(both, 'viewer', theirs);
    const linked = await told(directory, { email: here });
    expect((await linked.browser.exchange(linked.told['sso_code'] ?? '')).body.user_id).toBe(userId);
    for (const email of [owner, both]) {
      const asked = await told(directory, { email, email_verified: true });
      expect(asked.told['sso_proof'], email).toBe('password');
      expect((await asked.browser.exchange(asked.told['sso_code'] ?? '')).body.code).toBe('sso_proof_required');
    }
  });

  test('P4: is nobody for a domain that another tenant has proven, or that it has only named', async () => {
    await add(domain.domain, theirs);
    await proven('evil.example', theirs);
    const evil = await connect({ join_role: 'admin' }, theirs);
    const email = newEmail();
    const { token } = await member(email);
    expect((await told(evil, { email })).told).toEqual({ sso_error: 'email_unverified' });
    expect((await told(evil, { email: newEmail('evil.example') })).told).toHaveProperty('sso_code');
    expect((await api('GET', '/v1/me', undefined, token)).body.tenant.id).toBe(mine.tenantId);
  });

  test.each(['google', 'github'])('is not what %s is, where anybody may have an account', async (kind) => {
    const answer = await api('POST', '/v1/identity-providers', { name: 'x', kind, client_id: 'x', authoritative: true });
    expect([answer.status, answer.body.errors?.[0]?.path]).toEqual([400, 'authoritative']);
  });
});

describe('passwords that are switched off', () => {
  test('need a proven domain, a provider, an owner who may go on, and an owner who says so', async () => {
    const tenant = await stack.tenant();
    const change = (id: string, body: object, token = tenant.accessToken) =>
      api('PATCH', `/v1/domains/${id}`, { enforced: true, ...body }, token);
    const glass = { break_glass_user_id: tenant.userId };
    const pending = await add('pending.example', tenant);
    expect((await change(pending.id, glass)).body.code).toBe('domain_not_verified');
    const { id } = await proven('ready.example', tenant);
    expect((await change(id, glass)).body.code).toBe('no_identity_provider');
    await connect({}, tenant);
    const admin = await member(newEmail('ready.example'), 'admin', tenant);
    for (const none of [{}, { break_glass_user_id: null }, { break_glass_user_id: admin.userId }, { break_glass_user_id: mine.userId }])
      expect((await change(id, none)).status, JSON.stringify(none)).toBe(400);
    expect((await change(id, glass, admin.token)).body.code).toBe('role_not_permitted');
    expect((await change(id, glass)).body).toMatchObject({ enforced: true, ...glass });
    expect((await api('DELETE', `/v1/domains/${id}`, undefined, admin.token)).body.code).toBe('role_not_permitted');
  });

  test('let one owner in, and refuse everybody else of the domain in the same words, whoever they are', async () => {
    const [email, spare, glass] = [newEmail(), newEmail(), newEmail()];
    await member(email);
    await member(spare, 'owner');
    const owner = await member(glass, 'owner');
    const elsewhere = await member(email, 'viewer', theirs);
    await connect({});
    const on = await api('PATCH', `/v1/domains/${domain.id}`, { enforced: true, break_glass_user_id: owner.userId });
    expect(on.status).toBe(200);
    const wordsOf = ({ status, body }: { status: number; body: Record<string, unknown> }) => ({ status, ...body, request_id: '' });
    const refusal = wordsOf(await signIn(newEmail()));
    expect(refusal).toMatchObject({ status: 403, code: 'sso_required' });
    for (const tried of [
      signIn(email, password, mine),
      signIn(email, 'wrong', mine),
      signIn(spare),
      signIn(glass, 'wrong'),
      signIn(newEmail(), password, mine),
      signIn(newEmail().toUpperCase()),
    ])
      expect(wordsOf(await tried)).toEqual(refusal);
    expect((await signIn(glass)).body.user_id).toBe(owner.userId);
    // P4: another tenant in which somebody of the domain is a member goes by its own rules.
    expect((await signIn(email, password, theirs)).body.user_id).toBe(elsewhere.userId);
    expect((await signIn(email)).body.tenant_id).toBe(theirs.tenantId);
    expect((await signIn(mine.email, mine.password)).status).toBe(200);
    expect((await api('PATCH', `/v1/domains/${domain.id}`, { enforced: false })).status).toBe(200);
    expect((await signIn(email, password, mine)).status).toBe(200);
  });
});
