import { createHmac, randomBytes } from 'node:crypto';
import { type CryptoKey, exportJWK, exportSPKI, generateKeyPair, type JWK, SignJWT } from 'jose';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newUuid, publicId, uuidOf } from '../../src/kernel/ids.ts';
import { VisitorTokens } from '../../src/modules/identity/index.ts';
import { KeyRing } from '../../src/platform/crypto/index.ts';
import { row } from '../../src/platform/database/index.ts';
import { type ChatClient, openChat } from '../support/chat-client.ts';
import { type Answer, type TestStack, type TestTenant, testStack } from '../support/stack.ts';
import { scripted } from '../support/witness.ts';

/* Visitors for whom the tenant's server signs, on a page that has a publishable key only; and visitors who are banned. */

const origin = 'https://shop.example';
const hour = 3_600;
const now = () => Math.floor(Date.now() / 1_000);

interface SecretKey {
  kid: string;
  secret: string;
}

let stack: TestStack;
let mine: TestTenant;
let theirs: TestTenant;
let page: string;
let hs: SecretKey;
let es: { kid: string; privateKey: CryptoKey; publicKey: CryptoKey; jwk: JWK };
let theirKey: SecretKey;

beforeAll(async () => {
  stack = await testStack({ env: { DRAIN_TIMEOUT_MS: '200' } });
  [mine, theirs] = [await stack.tenant({ allowed_origins: [origin] }), await stack.tenant()];
  page = (await api('POST', '/v1/api-keys', { name: 'page', kind: 'publishable', bot_id: mine.botId })).body.key as string;
  hs = await newSecret(mine);
  theirKey = await newSecret(theirs);
  const pair = await generateKeyPair('ES256', { extractable: true });
  const jwk = await exportJWK(pair.publicKey);
  es = { kid: (await newKey(mine, { algorithm: 'ES256', public_key: jwk })).id as string, ...pair, jwk };
});
afterAll(() => stack.close());

const api = (method: string, path: string, body?: unknown, token = mine.accessToken) =>
  stack.request(method, path, { token, ...(body === undefined ? {} : { body }) });

async function newKey(tenant: TestTenant, more: object): Promise<Record<string, unknown>> {
  const made = await api('POST', '/v1/identity-keys', { name: 'server', ...more }, tenant.accessToken);
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  return made.body as Record<string, unknown>;
}

async function newSecret(tenant: TestTenant): Promise<SecretKey> {
  const { id, secret } = await newKey(tenant, { algorithm: 'HS256' });
  return { kid: id as string, secret: secret as string };
}

const encode = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** A token in whatever form, signed with HMAC. */
function forged(header: unknown, payload: unknown, secret: string | Buffer = hs.secret): string {
  const signed = `${encode(header)}.${encode(payload)}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

const claims = (more: object = {}) => ({ sub: 'ada', aud: mine.botId, exp: now() + hour, ...more });
const token = (more: object = {}, header: object = {}) => forged({ alg: 'HS256', kid: hs.kid, typ: 'JWT', ...header }, claims(more));

const ask = (body: object, key = page, botId = mine.botId): Promise<Answer> =>
  stack.request('POST', '/v1/chat/tickets', { token: key, headers: { origin }, body: { bot_id: botId, ...body } });

const askWith = (identity_token: string) => ask({ identity_token });
const codeOf = ({ status, body }: Answer) => [status, body.code as unknown];

async function chatWith(ticket: string): Promise<ChatClient> {
  const client = await openChat(`${stack.wsUrl}?ticket=${ticket}`, { origin });
  await client.answer(client.ask('c', scripted({ tokens: 1 })));
  return client;
}

async function visitorOf(externalId: string): Promise<string> {
  const { body } = await api('GET', `/v1/conversations?visitor_id=${externalId}`);
  const stored = await stack.db.forTenant(mine.tenantUuid, (tx) =>
    row<{ id: string }>(tx, 'SELECT visitor_id AS id FROM conversations WHERE id = $1', [
      uuidOf('conversation', body.data[0].id as string),
    ]),
  );
  return stored?.id as string;
}

test('a page lets in the visitor whom the server has signed for: HS256 or ES256, for the bot or the tenant', async () => {
  const es256 = await new SignJWT(claims({ aud: [mine.tenantId] })).setProtectedHeader({ alg: 'ES256', kid: es.kid }).sign(es.privateKey);
  for (const good of [token(), es256, forged({ alg: 'HS256', kid: hs.kid }, claims({ nbf: now() - 1, iat: now() }))]) {
    const answer = await askWith(good);
    expect([answer.status, answer.body.visitor_id], JSON.stringify(answer.body)).toEqual([201, 'ada']);
    // Nothing with which one comes back for months.
    expect(answer.body).not.toHaveProperty('visitor_token');
  }
});

test('P7: traits are stored with the visitor, sealed, and given out with what is stored of them', async () => {
  const plan = `gold-${randomBytes(6).toString('hex')}`;
  const { body } = await askWith(token({ sub: 'grace', traits: { plan, age: 36, beta: true, team: null } }));
  const client = await chatWith(body.ticket as string);
  await client.close();
  const id = await visitorOf('grace');
  const stored = await stack.db.forTenant(mine.tenantUuid, (tx) =>
    row<{ attributes: Buffer }>(tx, 'SELECT attributes FROM visitors WHERE id = $1', [id]),
  );
  const attributes = stored?.attributes as Buffer;
  expect(attributes.includes(plan)).toBe(false);
  const place = { tenantId: mine.tenantUuid, table: 'visitors', column: 'attributes', rowId: id };
  expect(JSON.parse((await stack.app.get(KeyRing).open(place, attributes)).toString())).toEqual({ plan, age: 36, beta: true, team: null });
  for (const traits of [
    { a: {} },
    { a: [] },
    'x',
    [],
    { 'a b': 1 },
    { a: 'x'.repeat(501) },
    Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`t${n}`, n])),
  ])
    expect(codeOf(await askWith(token({ traits }))), JSON.stringify(traits)).toEqual([401, 'identity_token_invalid']);
});

/** RFC 8725, and what else has been tried on verifiers of tokens. */
const attacks: [string, () => string | Promise<string>][] = [
  ['alg none', () => `${encode({ alg: 'none', kid: hs.kid })}.${encode(claims())}.`],
  ['alg none with a signature', () => forged({ alg: 'none', kid: hs.kid }, claims())],
  ['alg in other letters', () => token({}, { alg: 'hs256' })],
  ['another HMAC', () => token({}, { alg: 'HS512' })],
  ['no alg', () => token({}, { alg: undefined })],
  ['HS256 with the public JWK as secret', () => forged({ alg: 'HS256', kid: es.kid }, claims(), JSON.stringify(es.jwk))],
  ['HS256 with the public PEM as secret', async () => forged({ alg: 'HS256', kid: es.kid }, claims(), await exportSPKI(es.publicKey))],
  [
    'HS256 with the stored form as secret',
    () => forged({ alg: 'HS256', kid: es.kid }, claims(), JSON.stringify({ kty: 'EC', crv: 'P-256', x: es.jwk.x, y: es.jwk.y })),
  ],
  ['HS256 with an empty secret', () => forged({ alg: 'HS256', kid: hs.kid }, claims(), '')],
  ['ES256 under the id of a secret', () => new SignJWT(claims()).setProtectedHeader({ alg: 'ES256', kid: hs.kid }).sign(es.privateKey)],
  [
    'another ES256 key',
    async () => new SignJWT(claims()).setProtectedHeader({ alg: 'ES256', kid: es.kid }).sign((await generateKeyPair('ES256')).privateKey),
  ],
  ['no signature', () => token().replace(/[^.]+$/, '')],
  ['a signature that is cut', () => token().slice(0, -2)],
  ['other claims under the signature', () => token().replace(/\.[^.]+\./, `.${encode(claims({ sub: 'boss' }))}.`)],
  ['no kid', () => token({}, { kid: undefined })],
  ["a kid that is nobody's", () => token({}, { kid: publicId('identityKey', newUuid()) })],
  ['the kid of another kind of key', () => token({}, { kid: mine.apiKeyId })],
  ['a path as kid', () => forged({ alg: 'HS256', kid: '../../../dev/null' }, claims(), '')],
  ['SQL as kid', () => forged({ alg: 'HS256', kid: "x' UNION SELECT 'HS256', 'k" }, claims(), 'k')],
  ['a list as kid', () => token({}, { kid: [hs.kid] })],
  ["a foreign tenant's key", () => forged({ alg: 'HS256', kid: theirKey.kid }, claims(), theirKey.secret)],
  ["a foreign tenant's key under a kid of ours", () => forged({ alg: 'HS256', kid: hs.kid }, claims(), theirKey.secret)],
  ['jwk', async () => new SignJWT(claims()).setProtectedHeader({ alg: 'ES256', kid: es.kid, jwk: es.jwk }).sign(es.privateKey)],
  ['jku', () => token({}, { jku: 'https://evil.example/jwks.json' })],
  ['x5u', () => token({}, { x5u: 'https://evil.example/cert.pem' })],
  ['x5c', () => token({}, { x5c: ['MIIB'] })],
  ['crit', () => token({}, { crit: ['exp'] })],
  ['crit with b64', () => token({}, { crit: ['b64'], b64: false })],
  ['zip', () => token({}, { zip: 'DEF' })],
  ['another typ', () => token({}, { typ: 'at+jwt' })],
  ['the typ of our visitor tokens', () => token({}, { typ: 'visitor+jwt' })],
  ['an access token', () => mine.accessToken],
  [
    'a visitor token',
    () =>
      stack.app.get(VisitorTokens).issue({ tenantId: mine.tenantUuid, botId: uuidOf('bot', mine.botId) as string, visitorId: newUuid() }),
  ],
  ['an encrypted token', () => `${encode({ alg: 'dir', enc: 'A256GCM', kid: hs.kid })}....`],
  ['a token in JSON', () => JSON.stringify({ payload: encode(claims()), signatures: [] })],
  ['a token within a token', () => forged({ alg: 'HS256', kid: hs.kid, cty: 'JWT' }, token())],
  ['expired is another code, not signed', () => forged({ alg: 'HS256', kid: hs.kid }, claims({ exp: now() - hour }), 'wrong')],
  ['no exp', () => token({ exp: undefined })],
  ['exp as a text', () => token({ exp: String(now() + hour) })],
  ['exp beyond a day', () => token({ exp: now() + 25 * hour })],
  ['exp without end', () => forged({ alg: 'HS256', kid: hs.kid }, JSON.stringify(claims()).replace(/"exp":\d+/, '"exp":1e308'))],
  ['nbf ahead', () => token({ nbf: now() + hour })],
  ['iat ahead', () => token({ iat: now() + hour })],
  ['no aud', () => token({ aud: undefined })],
  ['another aud', () => token({ aud: 'parley' })],
  ["another tenant's bot as aud", () => token({ aud: theirs.botId })],
  ['aud that begins like ours', () => token({ aud: `${mine.botId}0` })],
  ['no sub', () => token({ sub: undefined })],
  ['an empty sub', () => token({ sub: '' })],
  ['a sub that is a number', () => token({ sub: 1 })],
  ['a long sub', () => token({ sub: 'x'.repeat(201) })],
  ['an anonymous visitor as sub', () => token({ sub: publicId('visitor', newUuid()) })],
  ['a member as sub', () => token({ sub: mine.userId })],
  ['sub twice', () => forged({ alg: 'HS256', kid: hs.kid }, `{"sub":"boss",${JSON.stringify(claims()).slice(1)}`)],
  ['alg twice', () => forged(`{"alg":"none","alg":"HS256","kid":"${hs.kid}"}`, claims())],
  ['no object', () => forged({ alg: 'HS256', kid: hs.kid }, '"ada"')],
  ['no JSON', () => forged({ alg: 'HS256', kid: hs.kid }, '{')],
  ['padding', () => `${token()}=`],
  ['white space', () => ` ${token()}`],
  ['nothing', () => ''],
];

test('no attack on tokens gets through, and none says more than another', async () => {
  for (const [name, make] of attacks) {
    const answer = await askWith(await make());
    expect(codeOf(answer), name).toEqual([401, 'identity_token_invalid']);
  }
  expect(codeOf(await askWith(token({ traits: { a: 'x'.repeat(4_100) } })))).toEqual([400, 'invalid_request']);
  expect(codeOf(await askWith(token({ exp: now() - hour })))).toEqual([401, 'identity_token_expired']);
  expect((await askWith(token())).status).toBe(201);
  // A token says by itself who the visitor is.
  for (const more of [{ visitor_id: 'boss' }, { visitor_token: 'x' }])
    expect((await ask({ identity_token: token(), ...more })).status).toBe(400);
});

test('a revoked key signs for nobody, ends the sockets of those it signed for, and leaves those of other keys alone', async () => {
  const old = await newSecret(mine);
  const oldToken = forged({ alg: 'HS256', kid: old.kid }, claims({ sub: 'old' }), old.secret);
  const [before, other, unused] = await Promise.all([askWith(oldToken), askWith(token({ sub: 'other' })), askWith(oldToken)]);
  for (const answer of [before, other, unused]) expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  const [cut, kept] = [await chatWith(before.body.ticket as string), await chatWith(other.body.ticket as string)];
  const listed = async () => (await api('GET', '/v1/identity-keys')).body as { data: { id: string }[] };
  expect((await listed()).data.map(({ id }) => id)).toEqual([old.kid, es.kid, hs.kid]);
  expect(JSON.stringify(await listed())).not.toContain('idsk_');
  const asked = performance.now();
  expect((await api('DELETE', `/v1/identity-keys/${old.kid}`)).status).toBe(204);
  expect(codeOf(await askWith(oldToken))).toEqual([401, 'identity_token_invalid']);
  const late = await openChat(`${stack.wsUrl}?ticket=${unused.body.ticket as string}`, { origin });
  expect(await late.closed).toEqual({ code: 4401, reason: 'ticket_invalid' });
  expect((await cut.closed).code).toBe(4401);
  expect(performance.now() - asked).toBeLessThan(5_000);
  await kept.answer(kept.ask('c', scripted({ tokens: 1 })));
  await kept.close();
  expect((await listed()).data.map(({ id }) => id)).toEqual([es.kid, hs.kid]);
  expect((await api('DELETE', `/v1/identity-keys/${old.kid}`)).status).toBe(404);
});

test('keys are made by those who could vouch for visitors themselves, of public keys on the curve', async () => {
  const weak = await api('POST', '/v1/api-keys', { name: 'weak', scopes: ['api_key.manage'] });
  const body = { name: 'x', algorithm: 'HS256' };
  expect(codeOf(await api('POST', '/v1/identity-keys', body, weak.body.key as string))).toEqual([403, 'scope_not_permitted']);
  const bad = [
    { algorithm: 'HS256', public_key: es.jwk },
    { algorithm: 'ES256' },
    { algorithm: 'RS256' },
    { algorithm: 'ES256', public_key: { ...es.jwk, x: es.jwk.y } },
    { algorithm: 'ES256', public_key: await exportJWK(es.privateKey) },
    { algorithm: 'ES256', public_key: { kty: 'oct', k: 'AAAA' } },
  ];
  for (const more of bad) expect((await api('POST', '/v1/identity-keys', { name: 'x', ...more })).status, JSON.stringify(more)).toBe(400);
});

test('a bot that takes identified visitors only refuses anonymous ones, old and new', async () => {
  const anonymous = await ask({});
  const { body } = await api('POST', '/v1/bots', { name: 'members only', allowed_origins: [origin], enforce_identity: true });
  const wide = (await api('POST', '/v1/api-keys', { name: 'wide', kind: 'publishable' })).body.key as string;
  const botId = body.id as string;
  expect(body.enforce_identity).toBe(true);
  for (const more of [{}, { visitor_token: anonymous.body.visitor_token }])
    expect(codeOf(await ask(more, wide, botId))).toEqual([403, 'identity_required']);
  expect(codeOf(await ask({}, mine.apiKey, botId))).toEqual([403, 'identity_required']);
  expect((await ask({ identity_token: token({ aud: botId }) }, wide, botId)).status).toBe(201);
  // The tenant's server vouches by asking.
  expect((await ask({ visitor_id: 'ada' }, mine.apiKey, botId)).status).toBe(201);
});

test('a banned visitor gets no ticket and sends nothing, and their sockets close on all replicas', async () => {
  const replica = await stack.replica();
  const [first, second, spare] = await Promise.all([1, 2, 3].map(() => askWith(token({ sub: 'eve' }))));
  const here = await chatWith(first?.body.ticket as string);
  const there = await openChat(`${replica.url.replace('http', 'ws')}/v1/chat?ticket=${second?.body.ticket as string}`, { origin });
  await there.answer(there.ask('c', scripted({ tokens: 1 })));
  const asked = performance.now();
  const ban = await api('PUT', '/v1/visitors/eve/ban', { reason_code: 'abuse' });
  expect([ban.status, ban.body.reason_code], JSON.stringify(ban.body)).toEqual([200, 'abuse']);
  const closed = { code: 4403, reason: 'visitor_banned' };
  expect(await Promise.all([here.closed, there.closed])).toEqual([closed, closed]);
  expect(performance.now() - asked).toBeLessThan(5_000);
  const message = { id: newUuid(), role: 'user', parts: [{ type: 'text', text: scripted({ tokens: 1 }) }] };
  // A ticket from before; over HTTP, where nothing closes it later.
  const late = { token: spare?.body.ticket as string, headers: { origin }, body: { id: 'c', messages: [message] } };
  expect(codeOf(await stack.request('POST', '/v1/chat', late))).toEqual([403, 'visitor_banned']);
  expect(codeOf(await askWith(token({ sub: 'eve' })))).toEqual([403, 'visitor_banned']);
  const send = () => api('POST', '/v1/chat', { id: 'c', bot_id: mine.botId, visitor_id: 'eve', messages: [message] }, mine.apiKey);
  expect(codeOf(await send())).toEqual([403, 'visitor_banned']);

  const anonymous = await ask({});
  expect((await api('PUT', `/v1/visitors/${anonymous.body.visitor_id as string}/ban`, { reason_code: 'abuse' })).status).toBe(200);
  expect(codeOf(await ask({ visitor_token: anonymous.body.visitor_token }))).toEqual([403, 'visitor_banned']);

  expect((await api('DELETE', '/v1/visitors/eve/ban')).status).toBe(204);
  expect((await askWith(token({ sub: 'eve' }))).status).toBe(201);
  expect((await send()).status).toBe(200);
  const { body } = await api('GET', '/v1/audit?limit=100');
  const acts = (body.data as { action: string }[]).map(({ action }) => action);
  for (const action of ['visitor.ban', 'visitor.unban', 'identity_key.create', 'identity_key.revoke']) expect(acts).toContain(action);
});

test('a ban that no hint tells of closes sockets all the same', async () => {
  const client = await chatWith((await askWith(token({ sub: 'mallory' }))).body.ticket as string);
  const id = await visitorOf('mallory');
  await stack.db.forTenant(mine.tenantUuid, (tx) =>
    row(tx, `INSERT INTO visitor_bans (tenant_id, visitor_id, reason_code) VALUES ($1, $2, 'abuse')`, [mine.tenantUuid, id]),
  );
  const asked = performance.now();
  expect((await client.closed).reason).toBe('visitor_banned');
  expect(performance.now() - asked).toBeLessThan(5_000);
});
