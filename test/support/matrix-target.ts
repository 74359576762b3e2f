import { randomBytes } from 'node:crypto';
import { decodeJwt } from 'jose';
import type { OpenAPIObject } from '@nestjs/swagger';
import { newUuid, publicId, type IdKind, uuidOf } from '../../src/kernel/ids.ts';
import { Visitors } from '../../src/modules/identity/index.ts';
import { LinkedIdentitiesRepository } from '../../src/modules/identity/sso/linked-identities.repository.ts';
import { KeyedHash } from '../../src/platform/crypto/index.ts';
import { Outbox } from '../../src/platform/events/index.ts';
import { type MatrixTarget, type PathIds, routesOf } from './route-matrix.ts';
import { caller, type TestStack, type TestTenant } from './stack.ts';

/** Text in every name of the other tenant's things. */
export const foreignText = 'only-for-the-other-tenant';

/** Sends a message as a visitor and gives the conversation that it made. */
export async function makeConversation(stack: TestStack, tenant: TestTenant, text: string): Promise<string> {
  const token = tenant.accessToken;
  const sent = await stack.request('POST', '/v1/chat', {
    token,
    body: {
      id: newUuid(),
      bot_id: tenant.botId,
      visitor_id: 'ada',
      messages: [{ id: newUuid(), role: 'user', parts: [{ type: 'text', text: `${text} [[demo: {"tokens":2}]]` }] }],
    },
  });
  if (sent.status !== 200) throw new Error(`chat: ${sent.status} ${JSON.stringify(sent.body)}`);
  const listed = await stack.request('GET', '/v1/conversations?limit=1', { token });
  return listed.body.data[0].id as string;
}

/** A credential that is not tried: its provider would have to be asked. */
const credentialBody = { name: 'matrix', kind: 'openai', secret: 'sk-matrix', skip_test: true };

const identityProviderBody = { name: 'matrix', kind: 'github', client_id: 'matrix', client_secret: 'matrix' };

const identityKeyBody = { name: 'matrix', algorithm: 'HS256' };

async function idOf(answer: ReturnType<TestStack['request']>): Promise<string> {
  const { status, body } = await answer;
  if (![201, 202].includes(status)) throw new Error(`${status} ${JSON.stringify(body)}`);
  return body.id as string;
}

function malformedOf(kind: IdKind, foreign: string): string[] {
  const other = publicId(kind === 'bot' ? 'conversation' : 'bot', newUuid());
  const suffix = foreign.slice(foreign.indexOf('_') + 1);
  return [
    'nope',
    foreign.toUpperCase(),
    other,
    suffix,
    `${foreign}0`,
    foreign.slice(0, -1),
    `${foreign}\0`,
    `${foreign}'--`,
    '../bots',
    ' ',
    '%',
    'ü',
    newUuid(),
  ];
}

/**
 * What the matrix is run against: `mine` calls, `theirs` owns what must stay hidden. A route with ids of a new kind in its
 * path must be added to `ids`, or the matrix throws.
 */
export async function matrixTarget(stack: TestStack, mine: TestTenant, theirs: TestTenant, url = stack.url): Promise<MatrixTarget> {
  const request = caller(url);
  const document = (await request('GET', '/openapi.json')).body as OpenAPIObject;
  const idsFor = (kind: IdKind, foreign: string, own: () => Promise<string>): PathIds => ({
    own,
    foreign,
    missing: publicId(kind, newUuid()),
    malformed: malformedOf(kind, foreign),
  });
  const token = mine.accessToken;
  const bots = idsFor('bot', theirs.botId, () => idOf(stack.request('POST', '/v1/bots', { token, body: { name: 'mine' } })));
  const keys = idsFor('apiKey', theirs.apiKeyId, () => idOf(stack.request('POST', '/v1/api-keys', { token, body: { name: 'mine' } })));
  const identityKey = (of: TestTenant, name: string) =>
    idOf(stack.request('POST', '/v1/identity-keys', { token: of.accessToken, body: { ...identityKeyBody, name } }));
  const identityKeys = idsFor('identityKey', await identityKey(theirs, foreignText), () => identityKey(mine, 'mine'));
  const provider = (of: TestTenant, name: string) =>
    idOf(stack.request('POST', '/v1/identity-providers', { token: of.accessToken, body: { ...identityProviderBody, name } }));
  const providers = idsFor('identityProvider', await provider(theirs, foreignText), () => provider(mine, 'mine'));
  const domain = (of: TestTenant, name: string) =>
    idOf(stack.request('POST', '/v1/domains', { token: of.accessToken, body: { domain: `${name}.example.com` } }));
  const domains = idsFor('domain', await domain(theirs, foreignText), () => domain(mine, newUuid()));
  const group = (of: TestTenant, name: string) =>
    idOf(stack.request('POST', '/v1/scim/v2/Groups', { token: of.accessToken, body: { displayName: name } }));
  const groups = idsFor('scimGroup', await group(theirs, foreignText), () => group(mine, newUuid()));
  const linked = async (of: TestTenant) => {
    const [id, at] = [newUuid(), uuidOf('identityProvider', await provider(of, 'linked')) as string];
    const link = { id, providerId: at, subjectHash: randomBytes(32), userId: uuidOf('user', of.userId) as string };
    const links = stack.app.get(LinkedIdentitiesRepository, { strict: false });
    await stack.db.forTenant(of.tenantUuid, (tx) => links.insert(tx, of.tenantUuid, link));
    return publicId('linkedIdentity', id);
  };
  const links = idsFor('linkedIdentity', await linked(theirs), () => linked(mine));
  const oauthClient = (of: TestTenant, name: string) =>
    idOf(stack.request('POST', '/v1/oauth-clients', { token: of.accessToken, body: { name, scopes: ['bot.read'] } }));
  const oauthClients = idsFor('oauthClient', await oauthClient(theirs, foreignText), () => oauthClient(mine, 'mine'));
  const letIn = async (of: TestTenant) => {
    const redirect_uri = 'https://app.example/callback';
    const name = of === theirs ? foreignText : 'mine';
    const client = { name, scopes: ['bot.read'], grant_types: ['authorization_code'], redirect_uris: [redirect_uri] };
    const client_id = await idOf(stack.request('POST', '/v1/oauth-clients', { token: of.accessToken, body: client }));
    const asked = { client_id, redirect_uri, response_type: 'code', code_challenge: 'A'.repeat(43), code_challenge_method: 'S256' };
    return idOf(stack.request('POST', '/v1/oauth/authorizations', { token: of.accessToken, body: asked }));
  };
  const authorizations = idsFor('oauthGrant', await letIn(theirs), () => letIn(mine));
  const credential = (of: TestTenant, name: string) =>
    idOf(stack.request('POST', '/v1/model-credentials', { token: of.accessToken, body: { ...credentialBody, name } }));
  const route = (of: TestTenant, name: string) =>
    idOf(stack.request('POST', '/v1/model-routes', { token: of.accessToken, body: { name, targets: [{ model: 'demo-small' }] } }));
  const credentials = idsFor('modelCredential', await credential(theirs, foreignText), () => credential(mine, newUuid()));
  const routes = idsFor('modelRoute', await route(theirs, foreignText), () => route(mine, newUuid()));
  const conversations = idsFor('conversation', await makeConversation(stack, theirs, foreignText), () =>
    makeConversation(stack, mine, 'hello'),
  );
  const hold = (of: TestTenant, conversation: string) =>
    idOf(
      stack.request('POST', '/v1/privacy/holds', {
        token: of.accessToken,
        body: { kind: 'conversation', object_id: conversation, reason_code: of === theirs ? foreignText : 'matrix' },
      }),
    );
  const holds = idsFor('legalHold', await hold(theirs, conversations.foreign), async () => hold(mine, await conversations.own()));
  const visitor = async (of: TestTenant) =>
    publicId('visitor', (await stack.app.get(Visitors, { strict: false }).createAnonymous(of.tenantUuid)).id);
  const visitors = idsFor('visitor', await visitor(theirs), () => visitor(mine));
  const invitation = async (of: TestTenant) => {
    const body = { email: `${newUuid()}@example.com`, role: 'viewer' };
    return (await stack.request('POST', '/v1/invitations', { token: of.accessToken, body })).body as { id: string; token: string };
  };
  const invitations = idsFor('invitation', (await invitation(theirs)).id, async () => (await invitation(mine)).id);
  const member = async () => {
    const body = { token: (await invitation(mine)).token, password: 'correct horse' };
    return (await stack.request('POST', '/v1/auth/accept-invitation', { body })).body.user_id as string;
  };
  const members = idsFor('user', theirs.userId, member);
  const session = async ({ email, password }: TestTenant) => {
    const signedIn = await stack.request('POST', '/v1/auth/sign-in', { body: { email, password } });
    return decodeJwt(signedIn.body.access_token as string)['sid'] as string;
  };
  const sessions = idsFor('session', await session(theirs), () => session(mine));
  const factor = (of: TestTenant) =>
    idOf(stack.request('POST', '/v1/second-factors/totp', { token: of.accessToken, body: { name: of === theirs ? foreignText : 'mine' } }));
  const factors = idsFor('secondFactor', await factor(theirs), () => factor(mine));
  const gone = async (of: TestTenant) =>
    idOf(stack.request('POST', '/v1/privacy/erasures', { token: of.accessToken, body: { visitor_id: await visitor(of) } }));
  const erasures = idsFor('erasure', await gone(theirs), () => gone(mine));
  const deletions = idsFor('tenant', theirs.tenantId, async () => mine.tenantId);
  const receiptToken = stack.app.get(KeyedHash, { strict: false }).of('tenant-deletion', mine.tenantUuid).toString('base64url');
  const query = { bot_id: mine.botId, visitor_id: 'ada', receipt_token: receiptToken, token: 'no-token' };
  const archive = async (of: TestTenant) => {
    const id = await idOf(stack.request('POST', '/v1/privacy/exports', { token: of.accessToken, body: { visitor_id: await visitor(of) } }));
    await stack.app.get(Outbox, { strict: false }).relay();
    for (;;) {
      const { body } = await stack.request('GET', `/v1/privacy/exports/${id}`, { token: of.accessToken });
      if (body.state === 'failed') throw new Error('an export failed');
      if (body.state === 'done') return { id, link: new URL(body.download_url as string) };
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const exports = idsFor('personalExport', (await archive(theirs)).id, async () => {
    const { id, link } = await archive(mine);
    // An archive is fetched by its link alone.
    query.token = link.searchParams.get('token') ?? '';
    return id;
  });
  return {
    routes: routesOf(document),
    schemas: document.components?.schemas ?? {},
    request,
    ids: {
      '/v1/bots': bots,
      '/v1/models': bots,
      '/v1/api-keys': keys,
      '/v1/sessions': sessions,
      '/v1/second-factors': factors,
      '/v1/identity-keys': identityKeys,
      '/v1/identity-providers': providers,
      '/v1/me/identities': links,
      '/v1/domains': domains,
      '/v1/oauth-clients': oauthClients,
      '/v1/scim-groups': groups,
      '/v1/oauth/authorizations': authorizations,
      '/v1/model-credentials': credentials,
      '/v1/model-routes': routes,
      '/v1/conversations': conversations,
      '/v1/privacy/holds': holds,
      '/v1/privacy/erasures': erasures,
      '/v1/privacy/tenant-deletions': deletions,
      '/v1/privacy/exports': exports,
      '/v1/visitors': visitors,
      '/v1/invitations': invitations,
      '/v1/members': members,
      // Clients may choose the name of a conversation here, so no text is malformed.
      '/v1/chat': { ...conversations, malformed: [] },
    },
    query,
    bodies: {
      'POST /v1/chat': { id: 'c', bot_id: mine.botId, messages: [{ id: 'm', role: 'user', parts: [{ type: 'text', text: 'hello' }] }] },
      'POST /v1/chat/completions': { model: mine.botId, messages: [{ role: 'user', content: 'hello' }] },
      'POST /v1/model-credentials': credentialBody,
      'POST /v1/model-routes': { name: 'matrix', targets: [{ model: 'demo-small' }] },
      'PUT /v1/privacy/mode': { mode: null },
      'POST /v1/privacy/holds': { kind: 'bot', object_id: mine.botId, reason_code: 'matrix', until: '2020-01-01T00:00:00Z' },
      'POST /v1/privacy/erasures': { visitor_id: await visitor(mine) },
      'POST /v1/privacy/exports': { visitor_id: await visitor(mine) },
      'POST /v1/chat/tickets': { bot_id: mine.botId },
      'POST /v1/identity-keys': identityKeyBody,
      'POST /v1/identity-providers': identityProviderBody,
      'PUT /v1/visitors/{id}/ban': { reason_code: 'matrix' },
    },
    foreignTexts: [foreignText],
  };
}
