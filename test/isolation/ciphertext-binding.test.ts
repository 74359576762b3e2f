import pg from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { newUuid, publicId, uuidOf } from '../../src/kernel/ids.ts';
import { Visitors } from '../../src/modules/identity/index.ts';
import { ModelSettings } from '../../src/modules/models/index.ts';
import { CannotDecrypt, KeyRing, type Place } from '../../src/platform/crypto/index.ts';
import { IndependentDecrypter, type WrappedRow } from '../support/independent-decrypter.ts';
import { urlAs } from '../support/services.ts';
import { type TestStack, type TestTenant, testStack } from '../support/stack.ts';

interface Sealed {
  tenantId: string;
  table: string;
  column: string;
  rowId: string;
  visitorId: string | null;
  stored: Buffer;
}

let stack: TestStack;
let [mine, theirs]: TestTenant[] = [];
let data: pg.Client;
let keystore: pg.Client;
/** Whose the platform's own ciphertext is. */
const platformId = '00000000-0000-0000-0000-000000000000';
const unfinished = new AbortController();

beforeAll(async () => {
  stack = await testStack({ env: { DRAIN_TIMEOUT_MS: '100' } });
  [mine, theirs] = [await stack.tenant({ greeting: 'hello' }), await stack.tenant()];
  data = new pg.Client({ connectionString: urlAs(stack.postgresUrl, stack.database) });
  keystore = new pg.Client({ connectionString: urlAs(stack.postgresUrl, stack.keystore) });
  await Promise.all([data.connect(), keystore.connect()]);
  const credential = { name: 'own', kind: 'openai' as const, secret: 'sk-own', skip_test: true };
  const identityKey = { name: 'server', algorithm: 'HS256' };
  const provider = { name: 'GitHub', kind: 'github', client_id: 'own', client_secret: 'own' };
  for (const { accessToken: token } of [mine, theirs] as TestTenant[]) {
    expect((await stack.request('POST', '/v1/identity-keys', { token, body: identityKey })).status).toBe(201);
    expect((await stack.request('POST', '/v1/identity-providers', { token, body: provider })).status).toBe(201);
    expect((await stack.request('POST', '/v1/scim/v2/Users', { token, body: { userName: 'scim@example.com' } })).status).toBe(201);
    expect((await stack.request('POST', '/v1/scim/v2/Groups', { token, body: { displayName: 'Group' } })).status).toBe(201);
    expect((await stack.request('POST', '/v1/model-credentials', { token, body: credential })).status).toBe(201);
  }
  await stack.app.get(ModelSettings).putCredential({ ...credential, baseUrl: null, apiVersion: null, skipTest: true });
  for (const tenant of [mine, theirs] as TestTenant[]) for (const visitor of ['ada', 'bob']) await talk(tenant, visitor);
});
afterAll(async () => {
  unfinished.abort();
  await Promise.all([data.end(), keystore.end()]);
  await stack.close();
});

const tenantMine = () => mine as TestTenant;

/** A conversation with everything that is sealed for a visitor. */
async function talk(tenant: TestTenant, visitor: string): Promise<void> {
  const token = tenant.accessToken;
  const messages = [
    { id: newUuid(), role: 'user', parts: [{ type: 'text', text: `I am ${visitor} [[demo: {"text":"Hello ${visitor}"}]]` }] },
  ];
  const body = { id: `talk-${visitor}`, bot_id: tenant.botId, visitor_id: visitor, messages };
  expect((await stack.request('POST', '/v1/chat', { token, body })).status).toBe(200);
  const listed = await stack.request('GET', `/v1/conversations?visitor_id=${visitor}`, { token });
  const change = { title: `Title of ${visitor}`, metadata: { name: visitor } };
  expect((await stack.request('PATCH', `/v1/conversations/${listed.body.data[0].id as string}`, { token, body: change })).status).toBe(200);
  const visitorId = (await stack.app.get(Visitors, { strict: false }).resolve(tenant.tenantUuid, visitor)).id;
  const consent = { purposes: { analytics: true }, evidence: `Said by ${visitor}` };
  expect((await stack.request('PUT', `/v1/visitors/${publicId('visitor', visitorId)}/consent`, { token, body: consent })).status).toBe(200);
  // A caller's own prompt is kept only while its turn is not finished.
  const question = { role: 'user', content: 'x [[demo: {"tokens":9,"stall_after_tokens":1}]]' };
  const completion = {
    model: tenant.botId,
    user: visitor,
    stream: true,
    messages: [{ role: 'system', content: `for ${visitor}` }, question],
  };
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const exported = await stack.request('POST', '/v1/privacy/exports', { token, body: { visitor_id: visitor } });
  const state = async () =>
    (await stack.request('GET', `/v1/privacy/exports/${exported.body.id as string}`, { token })).body.state as string;
  await vi.waitFor(async () => expect(await state()).toBe('done'), { timeout: 15_000 });
  const asked = await fetch(`${stack.url}/v1/chat/completions`, {
    method: 'POST',
    headers,
    body: JSON.stringify(completion),
    signal: unfinished.signal,
  });
  expect(asked.status).toBe(200);
}

/** The dump: every sealed value of all tenants, with the visitor whose content it is. */
async function dump(): Promise<Sealed[]> {
  const sources: [table: string, columns: string[], visitor: string][] = [
    ['messages', ['content'], '(SELECT visitor_id FROM conversations c WHERE c.tenant_id = t.tenant_id AND c.id = t.conversation_id)'],
    ['conversations', ['title', 'metadata'], 't.visitor_id'],
    ['turns', ['request'], 't.visitor_id'],
    ['visitors', ['external_id', 'attributes'], 't.id'],
    ['bots', ['draft', 'metadata'], 'NULL'],
    ['bot_versions', ['settings'], 'NULL'],
    ['memberships', ['email'], 'NULL'],
    ['invitations', ['content'], 'NULL'],
    ['sessions', ['client'], 'NULL'],
    ['second_factors', ['name', 'material'], 'NULL'],
    ['idempotency_keys', ['response'], 'NULL'],
    ['visitor_consents', ['evidence'], 't.visitor_id'],
    ['model_credentials', ['secret'], 'NULL'],
    ['identity_keys', ['material'], 'NULL'],
    ['identity_providers', ['client_secret'], 'NULL'],
    ['scim_users', ['content'], 'NULL'],
    ['scim_groups', ['content'], 'NULL'],
    ['privacy_mappings', ['content'], 'NULL'],
    ['personal_exports', ['password', 'link_token'], 't.visitor_id'],
    [
      'personal_export_parts',
      ['content'],
      '(SELECT visitor_id FROM personal_exports e WHERE e.tenant_id = t.tenant_id AND e.id = t.export_id)',
    ],
    [`(SELECT *, '${platformId}'::uuid AS tenant_id FROM platform_model_credentials)`, ['secret'], 'NULL'],
  ];
  const all: Sealed[] = [];
  for (const [table, columns, visitor] of sources) {
    for (const column of columns) {
      const { rows } = await data.query<Sealed>(
        `SELECT tenant_id AS "tenantId", '${/platform_model_credentials/.exec(table)?.[0] ?? table}' AS table, '${column}' AS column, id AS "rowId", ${visitor}::text AS "visitorId", ${column} AS stored
         FROM ${table} t WHERE ${column} IS NOT NULL`,
      );
      all.push(...rows);
    }
  }
  return all;
}

const wrappedKeys = async () => (await keystore.query<WrappedRow>('SELECT tenant_id, id, kind, wrapped FROM wrapped_keys')).rows;
const masterKey = () => Buffer.from(stack.env['PARLEY_MASTER_KEY'] as string, 'base64');
const placeOf = ({ tenantId, table, column, rowId }: Sealed) => `${tenantId}|${table}|${column}|${rowId}`;
const tenantOf = (sealed: Sealed) => sealed.tenantId === tenantMine().tenantUuid;

test('P7: every ciphertext column is in the dump of this test, so that none escapes it', async () => {
  const { rows } = await data.query<{ name: string }>(
    `SELECT table_name || '.' || column_name AS name FROM information_schema.columns WHERE table_schema = 'public' AND data_type = 'bytea'
     AND column_name !~ '(_hash|_digest|_key)$' ORDER BY 1`,
  );
  expect(rows.map(({ name }) => name)).toEqual([
    'bot_versions.settings',
    'bots.draft',
    'bots.metadata',
    'conversations.metadata',
    'conversations.title',
    'idempotency_keys.response',
    'identity_keys.material',
    'identity_providers.client_secret',
    'invitations.content',
    'memberships.email',
    'messages.content',
    'model_credentials.secret',
    'personal_export_parts.content',
    'personal_exports.link_token',
    'personal_exports.password',
    'platform_model_credentials.secret',
    'privacy_mappings.content',
    'scim_groups.content',
    'scim_users.content',
    'second_factors.material',
    'second_factors.name',
    'sessions.client',
    'turns.request',
    'visitor_consents.evidence',
    'visitors.attributes',
    'visitors.external_id',
  ]);
});

test('P7: data, keystore and master key together open everything, by the documented format alone', async () => {
  const all = await dump();
  const decrypter = new IndependentDecrypter(masterKey(), await wrappedKeys());
  expect(all.filter((sealed) => decrypter.open(placeOf(sealed), sealed.stored) === undefined)).toEqual([]);
  const texts = all.filter(tenantOf).map((sealed) => decrypter.open(placeOf(sealed), sealed.stored));
  for (const text of ['"Title of ada"', 'ada', '{"name":"bob"}', 'Said by ada', tenantMine().email]) expect(texts).toContain(text);
  expect(texts.join('\n')).toContain('[{"type":"text","text":"Hello ada"}]');
  expect(texts.join('\n')).toContain('for bob');
});

test('P7: any two of the three open nothing', async () => {
  const all = await dump();
  const without = [new IndependentDecrypter(masterKey(), []), new IndependentDecrypter(Buffer.alloc(32, 1), await wrappedKeys())];
  for (const decrypter of without) expect(all.filter((sealed) => decrypter.open(placeOf(sealed), sealed.stored) !== undefined)).toEqual([]);
});

test('P4: a ciphertext that was moved to another row, column, table or tenant is refused', async () => {
  const keyRing = stack.app.get(KeyRing);
  const all = await dump();
  const content = all.filter(({ table }) => table === 'messages');
  const [one, sibling] = content.filter(
    ({ visitorId, tenantId }) => visitorId === content[0]?.visitorId && tenantId === content[0]?.tenantId,
  ) as [Sealed, Sealed];
  const foreign = all.find((sealed) => sealed.tenantId !== one.tenantId && sealed.table === 'messages') as Sealed;
  const { tenantId, table, column, rowId } = one;
  const home: Place = { tenantId, table, column, rowId };
  expect((await keyRing.open(home, one.stored)).toString()).toContain('"type":"text"');
  const moves: [string, Place][] = [
    ['row', { ...home, rowId: sibling.rowId }],
    ['column', { ...home, column: 'title' }],
    ['table', { ...home, table: 'conversations' }],
    ['tenant', { ...home, tenantId: foreign.tenantId }],
    ['tenant and row', { ...home, tenantId: foreign.tenantId, rowId: foreign.rowId }],
    ['shifted separators', { ...home, table: `${table}|${column}`, column: rowId, rowId: '' }],
  ];
  for (const [what, place] of moves) await expect(keyRing.open(place, one.stored), what).rejects.toThrow(CannotDecrypt);
});

test('P4: rows swapped in the database itself are refused, and nothing of them is shown', async () => {
  const token = tenantMine().accessToken;
  const { body } = await stack.request('GET', '/v1/conversations?visitor_id=ada&limit=100', { token });
  const id = (body.data as { id: string; title: string | null }[]).find(({ title }) => title !== null)?.id as string;
  const read = () => stack.request('GET', `/v1/conversations/${id}`, { token });
  const other = await data.query('SELECT title FROM conversations WHERE tenant_id <> $1 AND title IS NOT NULL LIMIT 1', [
    tenantMine().tenantUuid,
  ]);
  const own = await data.query('SELECT title FROM conversations WHERE id = $1', [uuidOf('conversation', id)]);
  const put = (title: unknown) => data.query('UPDATE conversations SET title = $2 WHERE id = $1', [uuidOf('conversation', id), title]);
  await put(other.rows[0].title);
  const refused = await read();
  expect(JSON.stringify(refused.body)).not.toContain('Title of');
  await put(own.rows[0].title);
  expect((await read()).body.title).toBe('Title of ada');
});

test("P7: once a visitor's wrapped key is deleted, the old dump opens for everybody but them", async () => {
  const old = await dump();
  const before = await wrappedKeys();
  const { rows } = await data.query<{ id: string }>(
    `SELECT visitor_id AS id FROM conversations WHERE tenant_id = $1 AND title IS NOT NULL ORDER BY id LIMIT 1`,
    [tenantMine().tenantUuid],
  );
  const erased = rows[0]?.id as string;
  await stack.app.get(KeyRing).eraseVisitorKey(tenantMine().tenantUuid, erased);
  const after = await wrappedKeys();
  expect(after).toHaveLength(before.length - 1);

  const theirContent = old.filter(({ visitorId }) => visitorId === erased);
  expect(new Set(theirContent.map(({ table }) => table))).toEqual(
    new Set(['messages', 'conversations', 'turns', 'visitors', 'visitor_consents', 'personal_exports', 'personal_export_parts']),
  );
  const [then, now] = [new IndependentDecrypter(masterKey(), before), new IndependentDecrypter(masterKey(), after)];
  const opened = (decrypter: IndependentDecrypter, values: Sealed[]) =>
    values.filter((sealed) => decrypter.open(placeOf(sealed), sealed.stored) !== undefined).length;
  expect(opened(then, theirContent)).toBe(theirContent.length);
  expect(opened(now, theirContent)).toBe(0);
  const others = old.filter(({ visitorId }) => visitorId !== erased);
  expect(opened(now, others)).toBe(others.length);
  // Nor does the server itself open it.
  for (const { stored, ...place } of theirContent) await expect(stack.app.get(KeyRing).open(place, stored)).rejects.toThrow(CannotDecrypt);
});
