import { decodeJwt } from 'jose';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { clock, replaceClock } from '../../src/kernel/clock.ts';
import { newUuid, uuidOf } from '../../src/kernel/ids.ts';
import { permissions } from '../../src/kernel/permissions.ts';
import { AccessTokens } from '../../src/modules/identity/signing/access-tokens.ts';
import { accessRuleOf } from '../../src/platform/http/index.ts';
import { foreignText, matrixTarget } from '../support/matrix-target.ts';
import { comparable } from '../support/problem-check.ts';
import { badRefusals, call, type MatrixTarget, pathFor, type Route, tenantLeaks } from '../support/route-matrix.ts';
import { type TestStack, type TestTenant, testStack } from '../support/stack.ts';

let stack: TestStack;
let mine: TestTenant;
let theirs: TestTenant;
let target: MatrixTarget;
let guarded: Route[];

beforeAll(async () => {
  stack = await testStack();
  [mine, theirs] = [await stack.tenant(), await stack.tenant({ name: foreignText, instructions: foreignText })];
  target = await matrixTarget(stack, mine, theirs);
  guarded = target.routes.filter(({ permission }) => permission !== undefined);
});
afterAll(() => stack.close());

test('P4: the public routes are these and no others', () => {
  expect(target.routes.filter(({ permission }) => permission === undefined).map(({ name }) => name)).toEqual([
    'POST /v1/auth/sign-up',
    'POST /v1/auth/sign-in',
    'POST /v1/auth/accept-invitation',
    'POST /v1/auth/refresh',
    'POST /v1/auth/sign-out',
    'POST /v1/auth/password-reset',
    'POST /v1/auth/password-reset/confirm',
    'POST /v1/auth/email-verification/confirm',
    'POST /v1/auth/second-factor',
    'POST /v1/auth/second-factor/options',
    'POST /v1/auth/passkey/options',
    'POST /v1/auth/passkey',
    'GET /.well-known/jwks.json',
    'POST /v1/auth/sso/discover',
    'POST /v1/auth/sso/exchange',
    'POST /oauth/token',
    'POST /oauth/revoke',
    'POST /oauth/introspect',
    'GET /.well-known/oauth-authorization-server',
    'GET /.well-known/oauth-protected-resource',
    'GET /v1/privacy/tenant-deletions/{id}',
    'GET /v1/privacy/exports/{id}/archive',
    'GET /livez',
    'GET /startupz',
    'GET /readyz',
  ]);
  expect(guarded.length).toBeGreaterThan(20);
});

test('P4: handlers that the document leaves out are public only where listed', () => {
  const scanner = new MetadataScanner();
  const open = stack.app
    .get(DiscoveryService)
    .getControllers()
    .flatMap(({ instance, name }) => {
      const prototype = Object.getPrototypeOf(instance) as Record<string, object>;
      return scanner
        .getAllMethodNames(prototype)
        .flatMap((method) => (accessRuleOf(prototype[method] as object) === 'public' ? [`${name}.${method}`] : []));
    });
  expect(open.sort()).toEqual([
    'AuthController.acceptInvitation',
    'AuthController.refresh',
    'AuthController.signIn',
    'AuthController.signOut',
    'AuthController.signUp',
    'ExportsController.archive',
    'JwksController.jwks',
    'ModelHealthController.health',
    'OAuthController.introspect',
    'OAuthController.revoke',
    'OAuthController.token',
    'OAuthMetadataController.resource',
    'OAuthMetadataController.server',
    'OperationsController.live',
    'OperationsController.metrics',
    'OperationsController.ready',
    'OperationsController.startup',
    'PlaygroundController.demo',
    'RecoveryController.askReset',
    'RecoveryController.confirmEmail',
    'RecoveryController.confirmReset',
    'SamlController.consume',
    'SamlController.land',
    'SamlController.metadata',
    'SecondStepController.finish',
    'SecondStepController.options',
    'SecondStepController.passkey',
    'SecondStepController.passkeyOptions',
    'SsoController.callback',
    'SsoController.discover',
    'SsoController.exchange',
    'SsoController.start',
    'TenantDeletionController.get',
  ]);
});

const garbage = ['x', 'sk_live_', `sk_live_${'0'.repeat(49)}`, 'tkt_nothing', 'eyJhbGciOiJub25lIn0.e30.', 'a.b.c', newUuid()];

test('P4: no route lets a caller in without a credential, or with garbage', async () => {
  expect(await badRefusals(target, guarded, undefined, 401)).toEqual([]);
  for (const token of garbage) expect(await badRefusals(target, guarded, token, 401), token).toEqual([]);
});

/** Who the owner's access token speaks for, session included. */
function subject() {
  const { sid } = decodeJwt<{ sid: string }>(mine.accessToken);
  const [userId, sessionId] = [uuidOf('user', mine.userId) as string, uuidOf('session', sid) as string];
  return { tenantId: mine.tenantUuid, userId, sessionId, role: 'owner' as const };
}

test('P4: no route accepts an expired access token of a session that lives', async () => {
  const tokens = stack.app.get(AccessTokens);
  const now = clock.now();
  const restore = replaceClock({ now: () => now - 3_600_000 });
  const { token } = await tokens.issue(subject()).finally(restore);
  expect(await badRefusals(target, guarded, token, 401)).toEqual([]);
  const fresh = await tokens.issue(subject());
  expect((await stack.request('GET', '/v1/me', { token: fresh.token })).status).toBe(200);
});

test('P4: no route accepts a token of another session, user or tenant, though its signature is ours', async () => {
  const others = [{ sessionId: newUuid() }, { userId: uuidOf('user', theirs.userId) as string }, { tenantId: theirs.tenantUuid }];
  for (const other of others) {
    const { token } = await stack.app.get(AccessTokens).issue({ ...subject(), ...other });
    expect(await badRefusals(target, guarded, token, 401), Object.keys(other)[0]).toEqual([]);
  }
});

test('P4: no route accepts a revoked key', async () => {
  const token = mine.accessToken;
  const { body } = await stack.request('POST', '/v1/api-keys', { token, body: { name: 'soon gone', scopes: [...permissions] } });
  expect((await stack.request('GET', '/v1/me', { token: body.key as string })).status).toBe(200);
  expect((await stack.request('DELETE', `/v1/api-keys/${body.id as string}`, { token })).status).toBe(204);
  await expect.poll(async () => (await stack.request('GET', '/v1/me', { token: body.key as string })).status, { timeout: 5_000 }).toBe(401);
  expect(await badRefusals(target, guarded, body.key as string, 401)).toEqual([]);
});

test('P4: each route asks for its own permission: a key that holds all others is refused', async () => {
  const findings: string[] = [];
  for (const permission of new Set(guarded.map((route) => route.permission as string))) {
    if (permission === 'authenticated') continue;
    const scopes = permissions.filter((scope) => scope !== permission);
    const key = await stack.request('POST', '/v1/api-keys', { token: mine.accessToken, body: { name: permission, scopes } });
    expect(key.status).toBe(201);
    const routes = guarded.filter((route) => route.permission === permission);
    findings.push(...(await badRefusals(target, routes, key.body.key as string, 403)));
  }
  expect(findings).toEqual([]);
});

test('P4: a publishable key asks for tickets and does nothing else', async () => {
  const key = await stack.request('POST', '/v1/api-keys', { token: mine.accessToken, body: { name: 'page', kind: 'publishable' } });
  const others = guarded.filter(({ permission }) => permission !== 'chat.ticket' && permission !== 'authenticated');
  // Tickets, GET /v1/me, and what members do with their own account, which asks for a user itself.
  expect(guarded.length - others.length).toBe(19);
  expect(await badRefusals(target, others, key.body.key as string, 403)).toEqual([]);
});

test('P4: in every path a foreign, a missing and a malformed id are the same 404', async () => {
  expect(await tenantLeaks(target, mine.accessToken)).toEqual([]);
});

test.each([
  [
    'POST',
    '/v1/chat',
    (bot: string) => ({ id: 'c', bot_id: bot, messages: [{ id: 'm', role: 'user', parts: [{ type: 'text', text: 'x' }] }] }),
  ],
  ['POST', '/v1/chat/completions', (bot: string) => ({ model: bot, messages: [{ role: 'user', content: 'x' }] })],
  ['POST', '/v1/chat/tickets', (bot: string) => ({ bot_id: bot })],
  ['POST', '/v1/api-keys', (bot: string) => ({ name: 'page', kind: 'publishable', bot_id: bot })],
])('P4: %s %s does not tell a foreign bot in its body from a missing one', async (method, path, bodyFor) => {
  const { foreign, missing, malformed } = target.ids['/v1/bots'] as NonNullable<(typeof target.ids)[string]>;
  const token = mine.accessToken;
  const expected = await stack.request(method, path, { token, body: bodyFor(missing) });
  expect(expected.status).toBe(404);
  for (const id of [foreign, ...malformed]) {
    const answer = await stack.request(method, path, { token, body: bodyFor(id) });
    expect(comparable(answer.body), JSON.stringify(id)).toBe(comparable(expected.body));
  }
  expect((await stack.request(method, path, { token, body: bodyFor(mine.botId) })).status).toBeLessThan(300);
});

test('P4: lists show nothing of another tenant, whatever filter or cursor is asked for', async () => {
  const lists = guarded.filter(
    ({ method, path, parameters }) => method === 'GET' && !path.includes('{') && parameters.some(({ name }) => name === 'after'),
  );
  expect(lists.length).toBeGreaterThan(2);
  for (const route of lists) {
    for (const foreign of [theirs.botId, theirs.apiKeyId, target.ids['/v1/conversations']?.foreign ?? '']) {
      for (const query of ['', `?after=${foreign}`, `?bot_id=${foreign}`, `?visitor_id=${foreign}`, '?limit=100']) {
        const answer = await stack.request('GET', route.path + query, { token: mine.accessToken });
        expect([200, 400, 404], `${route.name}${query}`).toContain(answer.status);
        const text = typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body.data ?? []);
        for (const theirThing of [foreign, foreignText, theirs.email]) expect(text).not.toContain(theirThing);
      }
    }
  }
});

test('P4: what the other tenant owns is still there, untouched', async () => {
  const token = theirs.accessToken;
  for (const route of guarded.filter(({ method, path }) => method === 'GET' && path.includes('{') && !path.startsWith('/v1/chat'))) {
    const answer = await call(
      target,
      route,
      pathFor(target, route, ({ foreign }) => foreign),
      token,
    );
    expect(answer.status, route.name).toBe(200);
  }
  const bot = await stack.request('GET', `/v1/bots/${theirs.botId}`, { token });
  expect(bot.body).toMatchObject({ name: foreignText, instructions: foreignText, published_version: 1 });
});
