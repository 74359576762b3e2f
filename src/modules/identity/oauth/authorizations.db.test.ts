import { createHash } from 'node:crypto';
import { allowInsecureRequests, authorizationCodeGrant, ClientSecretPost, customFetch, discovery, refreshTokenGrant } from 'openid-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openChat } from '../../../../test/support/chat-client.ts';
import { type OAuthClientSecret, postForm, proofOf } from '../../../../test/support/oauth-forms.ts';
import { type Answer, caller, type TestStack, type TestTenant, testStack } from '../../../../test/support/stack.ts';
import type { RunningServer } from '../../../apps/server.main.ts';
import { newSecret, newUuid, publicId } from '../../../kernel/ids.ts';
import { changed } from '../../../platform/database/index.ts';
import { CredentialChanges } from '../access/credential-changes.ts';

interface Member {
  id: string;
  token: string;
}

const issuer = 'http://localhost:3000';
const redirectUri = 'https://app.example/callback';
const scopes = ['bot.read', 'bot.create', 'chat.send'];
let stack: TestStack;
let other: RunningServer;
let tenant: TestTenant;
let foreign: TestTenant;
let viewer: Member;
let developer: Member;
let app: OAuthClientSecret;
let rival: OAuthClientSecret;
let browserApp: OAuthClientSecret;
let machine: OAuthClientSecret;
let stranger: OAuthClientSecret;

beforeAll(async () => {
  stack = await testStack({ env: { AUTH_OAUTH_PER_ADDRESS_PER_MINUTE: '100000', AUTH_OAUTH_PER_CLIENT_PER_MINUTE: '100000' } });
  other = await stack.replica();
  [tenant, foreign] = [await stack.tenant(), await stack.tenant()];
  [viewer, developer] = [await join('viewer'), await join('developer')];
  [app, rival, stranger] = [await makeClient(), await makeClient(), await makeClient({}, foreign)];
  browserApp = await makeClient({ confidential: false });
  machine = await makeClient({ grant_types: ['client_credentials'], redirect_uris: [] });
});
afterAll(() => stack.close());

async function join(role: string): Promise<Member> {
  const body = { email: `${newUuid()}@example.com`, role };
  const invited = await stack.request('POST', '/v1/invitations', { token: tenant.accessToken, body });
  const accepting = { token: invited.body.token as string, password: 'correct horse' };
  const joined = (await stack.request('POST', '/v1/auth/accept-invitation', { body: accepting })).body;
  return { id: joined.user_id as string, token: joined.access_token as string };
}

async function makeClient(more: Record<string, unknown> = {}, of = tenant): Promise<OAuthClientSecret> {
  const body = { name: 'app', scopes, grant_types: ['authorization_code'], redirect_uris: [redirectUri], ...more };
  const made = await stack.request('POST', '/v1/oauth-clients', { token: of.accessToken, body });
  expect(made.status).toBe(201);
  return made.body as OAuthClientSecret;
}

const verifier = newSecret(32);
const challengeOf = (text: string) => createHash('sha256').update(text).digest('base64url');
const asking = (client: OAuthClientSecret) => ({
  client_id: client.id,
  redirect_uri: redirectUri,
  response_type: 'code',
  state: 'xyz',
  code_challenge: challengeOf(verifier),
  code_challenge_method: 'S256',
});
const authorize = (client: OAuthClientSecret, more: Record<string, unknown> = {}, token = developer.token) =>
  stack.request('POST', '/v1/oauth/authorizations', { token, body: { ...asking(client), ...more } });
async function codeFor(client: OAuthClientSecret, token = developer.token): Promise<string> {
  const answer = await authorize(client, {}, token);
  expect(answer.status).toBe(201);
  return answer.body.code as string;
}
/** Hands a code in; parameters that are empty are left out. */
function exchange(client: OAuthClientSecret, code: string, more: Record<string, string> = {}): Promise<Answer> {
  const proof = client.client_secret === null ? { client_id: client.id } : proofOf(client);
  const parameters = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier, ...proof, ...more };
  return postForm(stack, '/oauth/token', Object.fromEntries(Object.entries(parameters).filter(([, value]) => value !== '')));
}
const refresh = (client: OAuthClientSecret, token: string, more: Record<string, string> = {}) =>
  postForm(stack, '/oauth/token', {
    grant_type: 'refresh_token',
    refresh_token: token,
    client_id: client.id,
    ...(client.client_secret === null ? {} : { client_secret: client.client_secret }),
    ...more,
  });
interface Tokens {
  access_token: string;
  refresh_token: string;
  scope: string;
}
async function tokensOf(client: OAuthClientSecret, token = developer.token): Promise<Tokens> {
  const answer = await exchange(client, await codeFor(client, token));
  expect(answer.status).toBe(200);
  return answer.body as Tokens;
}
const me = (token: string, url = stack.url) => caller(url)('GET', '/v1/me', { token });
const socket = (token: string) => openChat(`${other.url.replace('http', 'ws')}/v1/chat?bot_id=${tenant.botId}`, { credential: token });
const diesWithinSeconds = (token: string) => expect.poll(async () => (await me(token, other.url)).status, { timeout: 5_000 }).toBe(401);
const invalidGrant = { status: 400, body: { error: 'invalid_grant' } };

test('a stranger library exchanges the code of a member, refreshes it, and acts on their behalf', async () => {
  const config = await discovery(new URL(issuer), app.id, undefined, ClientSecretPost(app.client_secret), {
    algorithm: 'oauth2',
    execute: [allowInsecureRequests],
    [customFetch]: (url, options) => fetch(url.replace(issuer, stack.url), options),
  });
  const consent = await stack.request(
    'GET',
    `/v1/oauth/consent?${new URLSearchParams({ client_id: app.id, redirect_uri: redirectUri }).toString()}`,
    {
      token: developer.token,
    },
  );
  expect(consent.body).toMatchObject({ client: { id: app.id, name: 'app' }, scopes });
  const { redirect_to } = (await authorize(app)).body as { redirect_to: string };
  expect(redirect_to.startsWith(`${redirectUri}?code=oac_`)).toBe(true);
  const tokens = await authorizationCodeGrant(config, new URL(redirect_to), { pkceCodeVerifier: verifier, expectedState: 'xyz' });
  expect((await me(tokens.access_token)).body).toMatchObject({
    kind: 'oauth_client',
    oauth_client_id: app.id,
    user_id: developer.id,
    permissions: scopes,
  });
  const next = await refreshTokenGrant(config, tokens.refresh_token as string);
  expect(next.refresh_token).not.toBe(tokens.refresh_token);
  const made = await stack.request('POST', '/v1/bots', { token: next.access_token, body: { name: 'by an app' } });
  expect(made.status).toBe(201);
  const events = (await stack.request('GET', '/v1/audit?action=bot.create', { token: tenant.accessToken })).body.data as {
    actor: { kind: string };
  }[];
  expect(events[0]?.actor.kind).toBe('oauth_grant');
});

test('an app may do what its member may at that moment, and nothing that is for the member in person', async () => {
  const changing = await join('viewer');
  const { access_token: token, scope } = await tokensOf(app, changing.token);
  expect(scope).toBe('bot.read');
  expect((await authorize(app, { scope: 'bot.read bot.create' }, changing.token)).status).toBe(403);
  const passwords = { current_password: 'correct horse', new_password: 'another battery staple' };
  expect((await stack.request('POST', '/v1/auth/password', { token, body: passwords })).status).toBe(403);
  expect((await stack.request('GET', '/v1/sessions', { token })).status).toBe(403);
  expect((await authorize(app, {}, token)).status).toBe(403);
  const demoted = await join('developer');
  const mighty = await tokensOf(app, demoted.token);
  expect((await stack.request('POST', '/v1/bots', { token: mighty.access_token, body: { name: 'x' } })).status).toBe(201);
  const open = await socket(mighty.access_token);
  await open.ended(open.ask(newUuid(), 'Hello [[demo: {"tokens":1}]]'));
  const role = (to: string) => stack.request('PATCH', `/v1/members/${demoted.id}`, { token: tenant.accessToken, body: { role: to } });
  expect((await role('viewer')).status).toBe(200);
  expect((await open.closed).code).toBe(4401);
  await expect.poll(async () => (await me(mighty.access_token, other.url)).body.permissions, { timeout: 5_000 }).toEqual(['bot.read']);
});

const redirects = [
  'https://app.example/callback/',
  'https://app.example/callback?x=1',
  'https://app.example/callback#x',
  'https://app.example/callback/../callback',
  'https://app.example/Callback',
  'https://APP.example/callback',
  'https://app.example:443/callback',
  'https://app.example/callback%2f',
  'https://evil.app.example/callback',
  'https://app.example.evil.example/callback',
  'https://app.example@evil.example/callback',
  'https://evil.example/callback',
  'http://app.example/callback',
  '//app.example/callback',
  'javascript:alert(1)',
  ` ${redirectUri}`,
  '',
];
test.each(redirects)('no code goes to %j', async (redirect_uri) => {
  const { status, body } = await authorize(app, { redirect_uri });
  expect([status, body.redirect_to, body.code]).toEqual([400, undefined, 'invalid_request']);
});

const refusedAuthorizations: [name: string, status: number, attempt: () => Promise<Answer>][] = [
  ['without a challenge', 400, () => authorize(app, { code_challenge: undefined })],
  ['with the verifier itself', 400, () => authorize(app, { code_challenge_method: 'plain' })],
  ['without saying how', 400, () => authorize(app, { code_challenge_method: undefined })],
  ['with a short challenge', 400, () => authorize(app, { code_challenge: 'short' })],
  ['for a token in the address', 400, () => authorize(app, { response_type: 'token' })],
  ['for a client that acts for itself', 400, () => authorize(machine)],
  ['for a client of another tenant', 404, () => authorize(stranger)],
  ['for no client', 404, () => authorize(app, { client_id: publicId('oauthClient', newUuid()) })],
  ['for a scope that the client does not have', 400, () => authorize(app, { scope: 'bot.delete' })],
  ['for more than the member may', 403, () => authorize(app, { scope: 'bot.read bot.create' }, viewer.token)],
  ['by a key', 403, () => authorize(app, {}, tenant.apiKey)],
  ['by nobody', 401, () => stack.request('POST', '/v1/oauth/authorizations', { body: asking(app) })],
];
test.each(refusedAuthorizations)('no app is let in %s', async (_name, status, attempt) => {
  const answer = await attempt();
  expect([answer.status, answer.body.redirect_to]).toEqual([status, undefined]);
});

const refusedExchanges: [name: string, error: string, attempt: (code: string) => Promise<Answer>][] = [
  ['without a verifier', 'invalid_request', (code) => exchange(app, code, { code_verifier: '' })],
  ['with another verifier', 'invalid_grant', (code) => exchange(app, code, { code_verifier: newSecret(32) })],
  ['with the challenge for a verifier', 'invalid_grant', (code) => exchange(app, code, { code_verifier: challengeOf(verifier) })],
  ['with another redirect_uri', 'invalid_grant', (code) => exchange(app, code, { redirect_uri: `${redirectUri}/` })],
  ['without a redirect_uri', 'invalid_request', (code) => exchange(app, code, { redirect_uri: '' })],
  ['by another client', 'invalid_grant', (code) => exchange(rival, code)],
  ['by a client of another tenant', 'invalid_grant', (code) => exchange(stranger, code)],
  ['by a public client', 'invalid_grant', (code) => exchange(browserApp, code)],
  ['by a client that acts for itself', 'unauthorized_client', (code) => exchange(machine, code)],
  ['by the client without its secret', 'invalid_client', (code) => exchange(app, code, { client_secret: '' })],
  ['by a public client with a secret', 'invalid_client', (code) => exchange(browserApp, code, { client_secret: app.client_secret })],
  ['that nobody was given', 'invalid_grant', () => exchange(app, `oac_${newSecret(32)}`)],
  ['as a refresh token', 'invalid_grant', (code) => refresh(app, code)],
];
test.each(refusedExchanges)('no tokens for a code %s, and the code is still its owner’s', async (_name, error, attempt) => {
  const code = await codeFor(app);
  const { status, body } = await attempt(code);
  expect([status, body.error, body.access_token]).toEqual([error === 'invalid_client' ? 401 : 400, error, undefined]);
  expect((await exchange(app, code)).status).toBe(200);
});

test('a code is good for a minute', async () => {
  const code = await codeFor(app);
  await stack.db.forTenant(tenant.tenantUuid, (tx) =>
    changed(
      tx,
      `UPDATE oauth_grants SET code_expires_at = now() - interval '1 second' WHERE code_expires_at > now() AND code_used_at IS NULL`,
    ),
  );
  expect(await exchange(app, code)).toMatchObject(invalidGrant);
});

test('a code that comes again ends all that it gave, everywhere within five seconds', async () => {
  const code = await codeFor(app);
  const { body } = await exchange(app, code);
  const open = await socket(body.access_token as string);
  const begun = performance.now();
  expect(await exchange(app, code)).toMatchObject(invalidGrant);
  expect((await open.closed).code).toBe(4401);
  await diesWithinSeconds(body.access_token as string);
  expect(performance.now() - begun).toBeLessThan(5_000);
  expect(await refresh(app, body.refresh_token as string)).toMatchObject(invalidGrant);
  const contested = await codeFor(browserApp);
  const answers = await Promise.all(Array.from({ length: 10 }, () => exchange(browserApp, contested)));
  const won = answers.filter(({ status }) => status === 200);
  expect(won.length).toBeLessThanOrEqual(1);
  for (const { body: tokens } of won) await diesWithinSeconds(tokens.access_token as string);
});

test('refresh tokens are used once; one that comes back after the grace time ends the grant', async () => {
  const first = await tokensOf(browserApp);
  const second = (await refresh(browserApp, first.refresh_token)).body as Tokens;
  expect((await refresh(browserApp, first.refresh_token)).status).toBe(200);
  await stack.db.forTenant(tenant.tenantUuid, (tx) =>
    changed(tx, `UPDATE oauth_refresh_tokens SET used_at = used_at - interval '1 hour' WHERE used_at IS NOT NULL`),
  );
  expect(await refresh(browserApp, first.refresh_token)).toMatchObject(invalidGrant);
  await diesWithinSeconds(second.access_token);
  expect(await refresh(browserApp, second.refresh_token)).toMatchObject(invalidGrant);
});

test('a refresh gives less where less is asked for, never more, and to nobody else', async () => {
  const { refresh_token: token } = await tokensOf(app);
  expect((await refresh(app, token, { scope: 'bot.read bot.delete' })).body.error).toBe('invalid_scope');
  expect(await refresh(rival, token)).toMatchObject(invalidGrant);
  expect(await refresh(stranger, token)).toMatchObject(invalidGrant);
  expect(await refresh(browserApp, token)).toMatchObject(invalidGrant);
  const narrow = (await refresh(app, token, { scope: 'bot.read' })).body as Tokens;
  expect((await me(narrow.access_token)).body.permissions).toEqual(['bot.read']);
  expect(((await refresh(app, narrow.refresh_token)).body as Tokens).scope).toBe(scopes.join(' '));
  for (const [who, status] of [
    [rival, 400],
    [stranger, 200],
    [app, 200],
  ] as const)
    expect((await postForm(stack, '/oauth/revoke', { token: narrow.refresh_token, ...proofOf(who) })).status).toBe(status);
  await diesWithinSeconds(narrow.access_token);
  expect((await postForm(stack, '/oauth/introspect', { token: narrow.access_token, client_id: browserApp.id })).status).toBe(401);
});

test('a member sees which apps they let in and withdraws that; a member who is taken out takes their apps along', async () => {
  const leaving = await join('developer');
  const [kept, withdrawn] = [await tokensOf(app, leaving.token), await tokensOf(browserApp, leaving.token)];
  const listed = (await stack.request('GET', '/v1/oauth/authorizations', { token: leaving.token })).body.data as {
    id: string;
    client: { id: string };
  }[];
  expect(listed.map(({ client }) => client.id)).toEqual([browserApp.id, app.id]);
  const path = `/v1/oauth/authorizations/${listed[0]?.id ?? ''}`;
  expect((await stack.request('DELETE', path, { token: tenant.accessToken })).status).toBe(404);
  const open = await socket(withdrawn.access_token);
  expect((await stack.request('DELETE', path, { token: leaving.token })).status).toBe(204);
  expect((await open.closed).code).toBe(4401);
  await diesWithinSeconds(withdrawn.access_token);
  expect((await me(kept.access_token, other.url)).status).toBe(200);
  expect((await stack.request('DELETE', `/v1/members/${leaving.id}`, { token: tenant.accessToken })).status).toBe(204);
  await diesWithinSeconds(kept.access_token);
  expect(await refresh(app, kept.refresh_token)).toMatchObject(invalidGrant);
});

test.each([
  ['codes without an address', { redirect_uris: [] }],
  ['an address without codes', { grant_types: ['client_credentials'] }],
  ['an address in the clear', { redirect_uris: ['http://app.example/callback'] }],
  ['no secret and tokens for itself', { grant_types: ['client_credentials'], redirect_uris: [], confidential: false }],
])('no client is made with %s', async (_name, more) => {
  const body = { name: 'app', scopes, grant_types: ['authorization_code'], redirect_uris: [redirectUri], ...more };
  expect((await stack.request('POST', '/v1/oauth-clients', { token: tenant.accessToken, body })).status).toBe(400);
});

test('where a second factor is demanded, what was given on a password alone does not count, and nothing is given so', async () => {
  const token = foreign.accessToken;
  const { access_token } = await tokensOf(stranger, token);
  expect((await me(access_token)).status).toBe(200);
  const run = (sql: string) => stack.db.forTenant(foreign.tenantUuid, (tx) => changed(tx, sql, [foreign.tenantUuid]));
  const waiting = await codeFor(stranger, token);
  await run(`INSERT INTO security_policies (tenant_id, second_factor) VALUES ($1, 'required')`);
  stack.app.get(CredentialChanges).announce(foreign.tenantUuid);
  await diesWithinSeconds(access_token);
  expect(await exchange(stranger, waiting)).toMatchObject(invalidGrant);
  expect(await authorize(stranger, {}, token)).toMatchObject({ status: 403, body: { code: 'second_factor_demanded' } });
  // What a session has once its member has shown a second factor.
  await run(`UPDATE sessions SET amr = '{pwd,otp,mfa}' WHERE tenant_id = $1`);
  stack.app.get(CredentialChanges).announce(foreign.tenantUuid);
  expect((await me((await tokensOf(stranger, token)).access_token, other.url)).status).toBe(200);
});
