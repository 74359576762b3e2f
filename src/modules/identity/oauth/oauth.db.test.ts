import { decodeJwt, SignJWT } from 'jose';
import {
  allowInsecureRequests,
  clientCredentialsGrant,
  ClientSecretBasic,
  customFetch,
  discovery,
  tokenIntrospection,
  tokenRevocation,
} from 'openid-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openChat } from '../../../../test/support/chat-client.ts';
import { basicOf, type OAuthClientSecret, postForm, proofOf } from '../../../../test/support/oauth-forms.ts';
import { type Answer, caller, type TestStack, type TestTenant, testStack } from '../../../../test/support/stack.ts';
import type { RunningServer } from '../../../apps/server.main.ts';
import { newUuid, publicId } from '../../../kernel/ids.ts';
import { SigningKeys } from '../signing/signing-keys.ts';
import { Statements } from '../signing/statements.ts';
import { VisitorTokens } from '../visitors/visitor-tokens.ts';
import { Visitors } from '../visitors/visitors.service.ts';

const issuer = 'http://localhost:3000';
const scopes = ['bot.read', 'chat.send', 'chat.ticket'];
let stack: TestStack;
let other: RunningServer;
let tenant: TestTenant;
let foreign: TestTenant;
let client: OAuthClientSecret;
let sibling: OAuthClientSecret;
let stranger: OAuthClientSecret;

beforeAll(async () => {
  stack = await testStack({ env: { AUTH_OAUTH_PER_ADDRESS_PER_MINUTE: '100000', AUTH_OAUTH_PER_CLIENT_PER_MINUTE: '100000' } });
  other = await stack.replica();
  [tenant, foreign] = [await stack.tenant(), await stack.tenant()];
  [client, sibling, stranger] = [await makeClient(), await makeClient(), await makeClient(foreign)];
});
afterAll(() => stack.close());

async function makeClient(of = tenant, body: Record<string, unknown> = {}): Promise<OAuthClientSecret> {
  const made = await stack.request('POST', '/v1/oauth-clients', { token: of.accessToken, body: { name: 'job', scopes, ...body } });
  expect(made.status).toBe(201);
  return made.body as OAuthClientSecret;
}

const post = (path: string, parameters: Record<string, string> | string, headers: Record<string, string> = {}) =>
  postForm(stack, path, parameters, headers);
async function tokenOf(of: OAuthClientSecret, parameters: Record<string, string> = {}): Promise<string> {
  const answer = await post('/oauth/token', { grant_type: 'client_credentials', ...parameters }, basicOf(of.id, of.client_secret));
  expect(answer.status).toBe(200);
  return answer.body.access_token as string;
}
const me = (token: string, url = stack.url) => caller(url)('GET', '/v1/me', { token });
const socket = (token: string) => openChat(`${other.url.replace('http', 'ws')}/v1/chat?bot_id=${tenant.botId}`, { credential: token });

test('a stranger library finds the server, gets a token, asks about it and gives it back', async () => {
  const config = await discovery(new URL(issuer), client.id, undefined, ClientSecretBasic(client.client_secret), {
    algorithm: 'oauth2',
    execute: [allowInsecureRequests],
    [customFetch]: (url, options) => fetch(url.replace(issuer, stack.url), options),
  });
  const tokens = await clientCredentialsGrant(config, { scope: 'bot.read chat.send' });
  expect(tokens).toMatchObject({ token_type: 'bearer', expires_in: 900, scope: 'bot.read chat.send' });
  const claims = decodeJwt(tokens.access_token);
  expect(claims).toMatchObject({ iss: issuer, aud: issuer, sub: client.id, client_id: client.id, scope: 'bot.read chat.send' });
  expect(await tokenIntrospection(config, tokens.access_token)).toMatchObject({ active: true, client_id: client.id, jti: claims.jti });
  await tokenRevocation(config, tokens.access_token);
  expect(await tokenIntrospection(config, tokens.access_token)).toEqual({ active: false });
  expect((await me(tokens.access_token)).status).toBe(401);
});

test('a token works over REST, SSE and WebSocket like a key, within its scopes', async () => {
  const token = await tokenOf(client);
  expect((await me(token)).body).toMatchObject({ kind: 'oauth_client', oauth_client_id: client.id, permissions: scopes });
  expect((await stack.request('GET', `/v1/bots/${tenant.botId}`, { token })).status).toBe(200);
  expect((await stack.request('GET', `/v1/bots/${foreign.botId}`, { token })).status).toBe(404);
  expect((await stack.request('POST', '/v1/bots', { token, body: { name: 'x' } })).status).toBe(403);
  const parts = [{ type: 'text', text: 'Hello' }];
  const body = { id: newUuid(), bot_id: tenant.botId, messages: [{ id: newUuid(), role: 'user', parts }] };
  const sent = await stack.request('POST', '/v1/chat', { token, body });
  expect([sent.status, sent.headers.get('content-type')]).toEqual([200, expect.stringContaining('text/event-stream')]);
  const chat = await socket(token);
  await chat.close();
  const narrow = await tokenOf(client, { scope: 'bot.read' });
  expect((await stack.request('POST', '/v1/chat', { token: narrow, body })).status).toBe(403);
  const events = (await stack.request('GET', '/v1/audit?limit=100', { token: tenant.accessToken })).body.data as { action: string }[];
  for (const action of ['oauth_client.create', 'oauth_grant.issue', 'oauth_grant.revoke'])
    expect(events.some((event) => event.action === action)).toBe(true);
});

test('what is revoked, and the client that is deleted, is out on every replica within five seconds: requests, sockets, visitors', async () => {
  const gone = await makeClient();
  const [revoked, orphaned] = [await tokenOf(client), await tokenOf(gone)];
  const ticket = await stack.request('POST', '/v1/chat/tickets', { token: orphaned, body: { bot_id: tenant.botId, visitor_id: 'ada' } });
  const visitor = await openChat(`${other.url.replace('http', 'ws')}/v1/chat`, { credential: ticket.body.ticket as string });
  const sockets = [await socket(revoked), await socket(orphaned), visitor];
  for (const token of [revoked, orphaned]) expect((await me(token, other.url)).status).toBe(200);
  const begun = performance.now();
  expect((await post('/oauth/revoke', { token: revoked, ...proofOf(client) })).status).toBe(200);
  expect((await stack.request('DELETE', `/v1/oauth-clients/${gone.id}`, { token: tenant.accessToken })).status).toBe(204);
  for (const open of sockets) expect((await open.closed).code).toBe(4401);
  for (const token of [revoked, orphaned]) await expect.poll(async () => (await me(token, other.url)).status, { timeout: 5_000 }).toBe(401);
  expect(performance.now() - begun).toBeLessThan(5_000);
  expect((await post('/oauth/token', { grant_type: 'client_credentials', ...proofOf(gone) })).status).toBe(401);
});

const ask = { grant_type: 'client_credentials' };
type Attempt = () => Promise<Answer>;
const refusedRequests: [name: string, status: number, error: string, attempt: Attempt][] = [
  [
    'a secret in the URL',
    400,
    'invalid_request',
    () => post(`/oauth/token?client_secret=${client.client_secret}`, { ...ask, client_id: client.id }),
  ],
  [
    'a grant type in the URL',
    400,
    'invalid_request',
    () => post('/oauth/token?grant_type=client_credentials', { ...ask, ...proofOf(client) }),
  ],
  ['JSON', 400, 'invalid_request', () => stack.request('POST', '/oauth/token', { body: { ...ask, ...proofOf(client) } })],
  [
    'a parameter twice',
    400,
    'invalid_request',
    () => post('/oauth/token', `${new URLSearchParams({ ...ask, ...proofOf(client) }).toString()}&scope=a&scope=b`),
  ],
  ['no grant type', 400, 'invalid_request', () => post('/oauth/token', proofOf(client))],
  [
    'two proofs at once',
    400,
    'invalid_request',
    () => post('/oauth/token', { ...ask, ...proofOf(client) }, basicOf(client.id, client.client_secret)),
  ],
  [
    'another id beside the proof',
    400,
    'invalid_request',
    () => post('/oauth/token', { ...ask, client_id: sibling.id }, basicOf(client.id, client.client_secret)),
  ],
  ['no client', 401, 'invalid_client', () => post('/oauth/token', ask)],
  ['no secret', 401, 'invalid_client', () => post('/oauth/token', { ...ask, client_id: client.id })],
  ['an empty secret', 401, 'invalid_client', () => post('/oauth/token', { ...ask, client_id: client.id, client_secret: '' })],
  [
    'a wrong secret',
    401,
    'invalid_client',
    () => post('/oauth/token', { ...ask, ...proofOf(client), client_secret: `ocs_${'A'.repeat(43)}` }),
  ],
  ['the secret of a sibling', 401, 'invalid_client', () => post('/oauth/token', { ...ask, ...proofOf(sibling), client_id: client.id })],
  [
    'the secret of another tenant',
    401,
    'invalid_client',
    () => post('/oauth/token', { ...ask, ...proofOf(stranger), client_id: client.id }),
  ],
  [
    'a client that nobody made',
    401,
    'invalid_client',
    () => post('/oauth/token', { ...ask, ...proofOf(client), client_id: publicId('oauthClient', newUuid()) }),
  ],
  ['broken credentials', 401, 'invalid_client', () => post('/oauth/token', ask, { authorization: 'Basic %%%' })],
  ['credentials that do not decode', 401, 'invalid_client', () => post('/oauth/token', ask, basicOf(client.id, '%zz'))],
  [
    'a member instead of a client',
    401,
    'invalid_client',
    () => post('/oauth/token', ask, { authorization: `Bearer ${tenant.accessToken}` }),
  ],
  ['a key as the secret', 401, 'invalid_client', () => post('/oauth/token', ask, basicOf(client.id, tenant.apiKey))],
  [
    'a scope that the client does not have',
    400,
    'invalid_scope',
    () => post('/oauth/token', { ...ask, ...proofOf(client), scope: 'bot.read bot.delete' }),
  ],
  ['a scope that does not exist', 400, 'invalid_scope', () => post('/oauth/token', { ...ask, ...proofOf(client), scope: '*' })],
  ['an empty scope', 400, 'invalid_scope', () => post('/oauth/token', { ...ask, ...proofOf(client), scope: '' })],
  [
    'a password',
    400,
    'unsupported_grant_type',
    () => post('/oauth/token', { ...proofOf(client), grant_type: 'password', username: 'x', password: 'x' }),
  ],
  ['another API', 400, 'invalid_target', () => post('/oauth/token', { ...ask, ...proofOf(client), resource: 'https://other.example' })],
  ['a look at tokens without a client', 401, 'invalid_client', () => post('/oauth/introspect', { token: 'x' })],
  ['a revocation without a client', 401, 'invalid_client', () => post('/oauth/revoke', { token: 'x' })],
];
test.each(refusedRequests)('refused: %s', async (_name, status, error, attempt) => {
  const { body, headers, ...answer } = await attempt();
  expect([answer.status, body.error, headers.get('cache-control')]).toEqual([status, error, 'no-store']);
  expect(Object.keys(body as object)).toEqual(['error', 'error_description']);
  if (status === 401) expect(headers.get('www-authenticate')).toBe('Basic realm="oauth"');
  expect(JSON.stringify(body)).not.toContain(client.client_secret);
});

test('what is refused above is refused for its own reason: the same without the trick is taken', async () => {
  const parameters = { ...ask, ...proofOf(client), scope: 'bot.read', resource: issuer, client_assertion_unknown: 'ignored' };
  expect((await post('/oauth/token', parameters)).status).toBe(200);
});

/** A token made by hand like ours. */
async function signed(claims: Record<string, unknown>, header: Record<string, unknown> = {}): Promise<string> {
  const real = decodeJwt(await tokenOf(client));
  const { kid, privateKey } = await stack.app.get(SigningKeys).current();
  return new SignJWT({ ...real, ...claims })
    .setProtectedHeader({ alg: 'ES256', kid, typ: 'at+jwt', ...header })
    .sign(privateKey, { crit: { extension: true } });
}

test('a token made by hand like ours is taken, so that the refusals below refuse for their own reason', async () => {
  expect((await me(await signed({}))).status).toBe(200);
});

const wrongTokens: [name: string, make: () => Promise<string>][] = [
  ['of another type', () => signed({}, { typ: 'JWT' })],
  ['without a type', () => signed({}, { typ: undefined })],
  ['for members', () => signed({ aud: 'parley' })],
  ['for visitors', () => signed({ aud: 'parley:visitor' })],
  ['for another API', () => signed({ aud: 'https://other.example' })],
  ['for nobody', () => signed({ aud: undefined })],
  ['of another issuer', () => signed({ iss: 'https://evil.example' })],
  ['that has expired', () => signed({ exp: Math.floor(Date.now() / 1_000) - 60 })],
  ['that never expires', () => signed({ exp: undefined })],
  ['of another grant', () => signed({ gid: publicId('oauthGrant', newUuid()) })],
  ['without a grant', () => signed({ gid: undefined })],
  ['of another tenant', () => signed({ tid: foreign.tenantId })],
  ['on behalf of a member who gave nothing', () => signed({ sub: tenant.userId })],
  ['with an extension', () => signed({}, { crit: ['extension'], extension: 1 })],
  ['without a signature', async () => `${(await signed({})).split('.').slice(0, 2).join('.')}.`],
  ['that is a statement', async () => stack.app.get(Statements).sign('audit-head', tenant.tenantUuid, { ...decodeJwt(await signed({})) })],
  [
    'that is a visitor’s',
    async () => {
      const { id } = await stack.app.get(Visitors).createAnonymous(tenant.tenantUuid);
      return stack.app.get(VisitorTokens).issue({ tenantId: tenant.tenantUuid, botId: newUuid(), visitorId: id });
    },
  ],
  ['that is the secret of a client', async () => client.client_secret],
];
test.each(wrongTokens)('no token of the OAuth server: one %s', async (_name, make) => {
  expect((await me(await make())).status).toBe(401);
});

test('metadata says what there is, and a 401 says where', async () => {
  const server = (await stack.request('GET', '/.well-known/oauth-authorization-server')).body;
  expect(server).toMatchObject({
    issuer,
    token_endpoint: `${issuer}/oauth/token`,
    grant_types_supported: expect.arrayContaining(['client_credentials']) as string[],
  });
  const refused = await stack.request('GET', '/v1/me');
  const [, url = ''] = /^Bearer resource_metadata="(.+)"$/.exec(refused.headers.get('www-authenticate') ?? '') ?? [];
  const resource = (await stack.request('GET', url.replace(issuer, ''))).body;
  expect(resource).toMatchObject({ resource: issuer, authorization_servers: [issuer] });
});

test('a client sees and ends its own tokens only, and nobody makes one that is mightier than themselves', async () => {
  const token = await tokenOf(client);
  for (const who of [sibling, stranger]) {
    expect((await post('/oauth/introspect', { token, ...proofOf(who) })).body).toEqual({ active: false });
    const status = who === sibling ? 400 : 200;
    expect((await post('/oauth/revoke', { token, ...proofOf(who) })).status).toBe(status);
  }
  expect((await me(token)).status).toBe(200);
  const managing = await makeClient(tenant, { scopes: ['oauth_client.manage', 'bot.read'] });
  const body = { name: 'mightier', scopes: ['bot.delete'] };
  expect((await stack.request('POST', '/v1/oauth-clients', { token: await tokenOf(managing), body })).status).toBe(403);
  const shown = (await stack.request('GET', `/v1/oauth-clients/${client.id}`, { token: tenant.accessToken })).body;
  expect(JSON.stringify(shown)).not.toContain(client.client_secret);
});
