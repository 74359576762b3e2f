import { randomBytes, randomUUID } from 'node:crypto';
import { compactVerify, createLocalJWKSet } from 'jose';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunningServer } from '../../src/apps/server.main.ts';
import { newUuid, publicId, uuidOf } from '../../src/kernel/ids.ts';
import { ForgetAgain } from '../../src/modules/privacy/rights/forget-again.job.ts';
import { emailPlace } from '../../src/modules/identity/sign-in/sign-up.service.ts';
import { KeyRing, seal } from '../../src/platform/crypto/index.ts';
import { type ChatClient, openChat } from '../support/chat-client.ts';
import { IndependentDecrypter, type WrappedRow } from '../support/independent-decrypter.ts';
import { findTexts } from '../support/marker-search.ts';
import { urlAs } from '../support/services.ts';
import { type Answer, type TestStack, type TestTenant, testStack } from '../support/stack.ts';
import { dataFiles, redisKeysAndValues, tableCopies } from '../support/stored-places.ts';

/** A sealed value with its place, as a dump has it. */
interface Sealed {
  place: string;
  stored: Buffer;
}

let stack: TestStack;
let other: RunningServer;
let tenant: TestTenant;
let data: pg.Client;
let keystore: pg.Client;
let since: number;
const logLines: string[] = [];

beforeAll(async () => {
  since = Date.now() - 1_000;
  stack = await testStack({ onLog: (line) => logLines.push(line), env: { DRAIN_TIMEOUT_MS: '100', CHAT_MESSAGES_PER_MINUTE: '100000' } });
  other = await stack.replica();
  tenant = await stack.tenant();
  [data, keystore] = [stack.database, stack.keystore].map(
    (name) => new pg.Client({ connectionString: urlAs(stack.postgresUrl, name) }),
  ) as [pg.Client, pg.Client];
  await Promise.all([data.connect(), keystore.connect()]);
});
afterAll(async () => {
  await Promise.all([data.end(), keystore.end()]);
  await stack.close();
});

const call = (method: string, path: string, body?: unknown) =>
  stack.request(method, path, { token: tenant.accessToken, ...(body === undefined ? {} : { body }) });
const ok = async (answer: Promise<Answer>, status = 200): Promise<any> => {
  const got = await answer;
  expect(got.status, JSON.stringify(got.body)).toBe(status);
  return got.body;
};
const script = (value: unknown) => `[[demo: ${JSON.stringify(value)}]]`;

/** What somebody leaves behind: everything that can be theirs. */
async function use(visitor: string): Promise<{ visitorUuid: string; conversation: string; ticket: string }> {
  const party = { bot_id: tenant.botId, visitor_id: visitor };
  const messages = (text: string) => [{ id: randomUUID(), role: 'user', parts: [{ type: 'text', text }] }];
  const say = (id: string, text: string) => ok(call('POST', '/v1/chat', { id, ...party, messages: messages(text) }));
  await say(`${visitor}-c`, `${visitor} says ${script({ text: `${visitor} is told` })}`);
  await say(`${visitor}-d`, `${visitor} again ${script({ text: `${visitor} hears` })}`);
  const completion = {
    model: tenant.botId,
    user: visitor,
    messages: [
      { role: 'system', content: `${visitor} system` },
      { role: 'user', content: `${visitor} asks` },
    ],
  };
  await ok(
    stack.request('POST', '/v1/chat/completions', { token: tenant.apiKey, body: completion, headers: { 'idempotency-key': randomUUID() } }),
  );
  const listed = (await ok(call('GET', `/v1/conversations?visitor_id=${visitor}`))).data as { id: string }[];
  const conversation = listed[0]?.id as string;
  await ok(call('PATCH', `/v1/conversations/${conversation}`, { title: `${visitor} title`, metadata: { note: `${visitor} note` } }));
  const row = await data.query<{ id: string }>('SELECT visitor_id AS id FROM conversations WHERE id = $1', [
    uuidOf('conversation', conversation),
  ]);
  const visitorUuid = row.rows[0]?.id as string;
  const consent = { purposes: { analytics: true }, evidence: `${visitor} evidence` };
  await ok(call('PUT', `/v1/visitors/${publicId('visitor', visitorUuid)}/consent`, consent));
  const hide = { text: `${visitor}@example.com wrote`, visitor_id: visitor };
  await ok(
    stack.request('POST', '/v1/privacy/anonymize', { token: tenant.accessToken, body: hide, headers: { 'idempotency-key': randomUUID() } }),
  );
  const { ticket } = await ok(
    stack.request('POST', '/v1/chat/tickets', { token: tenant.accessToken, body: party, headers: { 'idempotency-key': randomUUID() } }),
    201,
  );
  return { visitorUuid, conversation, ticket };
}

/** Opens a socket on the other replica, with an answer that stands still in the middle. */
async function follow(visitor: string): Promise<ChatClient> {
  const query = `bot_id=${tenant.botId}&visitor_id=${visitor}`;
  const client = await openChat(`${other.url.replace('http', 'ws')}/v1/chat?${query}`, { credential: tenant.apiKey });
  const request = client.ask(
    `${visitor}-running`,
    `${visitor} waits ${script({ text: `${visitor} slow `.repeat(9), stall_after_tokens: 8 })}`,
  );
  await client.shows(request, 4);
  return client;
}

/** Every sealed value of a visitor. */
async function sealedOf(visitorUuid: string): Promise<Sealed[]> {
  const theirs = '(SELECT id FROM conversations WHERE visitor_id = $1)';
  const columns: [table: string, column: string, where: string][] = [
    ['visitors', 'external_id', 'id = $1'],
    ['conversations', 'title', 'visitor_id = $1'],
    ['conversations', 'metadata', 'visitor_id = $1'],
    ['messages', 'content', `conversation_id IN ${theirs}`],
    ['turns', 'request', 'visitor_id = $1'],
    ['visitor_consents', 'evidence', 'visitor_id = $1'],
    ['privacy_mappings', 'content', 'visitor_id = $1'],
  ];
  const all: Sealed[] = [];
  for (const [table, column, where] of columns) {
    const { rows } = await data.query<Sealed>(
      `SELECT tenant_id || '|${table}|${column}|' || id AS place, ${column} AS stored FROM ${table} WHERE ${where} AND ${column} IS NOT NULL`,
      [visitorUuid],
    );
    // A caller's own prompt is kept while its turn runs only.
    if (table !== 'turns') expect(rows.length, `${table}.${column}`).toBeGreaterThan(0);
    all.push(...rows);
  }
  return all;
}

const wrapped = async () => (await keystore.query<WrappedRow>('SELECT tenant_id, id, kind, wrapped FROM wrapped_keys')).rows;
const opener = (keys: WrappedRow[]) => new IndependentDecrypter(Buffer.from(stack.env['PARLEY_MASTER_KEY'] as string, 'base64'), keys);
const openedBy = (keys: WrappedRow[], values: Sealed[]) =>
  values.filter(({ place, stored }) => opener(keys).open(place, stored) !== undefined);

async function done(erasure: { id: string }): Promise<any> {
  const state = async () => (await ok(call('GET', `/v1/privacy/erasures/${erasure.id}`))).state;
  await expect.poll(state, { timeout: 15_000 }).toBe('done');
  return ok(call('GET', `/v1/privacy/erasures/${erasure.id}`));
}

/** Rows of the tables that are worth restoring, as a backup of the data has them. */
async function backup(visitorUuid: string): Promise<{ table: string; row: object }[]> {
  const saved: { table: string; row: object }[] = [];
  for (const [table, where] of [
    ['visitors', 'id = $1'],
    ['conversations', 'visitor_id = $1'],
    ['turns', 'visitor_id = $1 AND finished_at IS NOT NULL'],
    ['messages', 'turn_id IN (SELECT id FROM turns WHERE visitor_id = $1 AND finished_at IS NOT NULL)'],
    ['visitor_consents', 'visitor_id = $1'],
  ] as const) {
    const { rows } = await data.query<{ row: object }>(`SELECT to_jsonb(t) AS row FROM ${table} t WHERE ${where}`, [visitorUuid]);
    saved.push(...rows.map(({ row }) => ({ table, row })));
  }
  return saved;
}

async function restore(saved: { table: string; row: object }[]): Promise<void> {
  for (const { table, row } of saved)
    await data.query(`INSERT INTO ${table} SELECT (jsonb_populate_record(NULL::${table}, $1::jsonb)).*`, [JSON.stringify(row)]);
}

/** Names of places in which an id stands as such: tables as text, keys and values of Redis. */
async function placesWith(ids: string[]): Promise<string[]> {
  const places = [...(await tableCopies(data)), ...(await tableCopies(keystore)), ...(await redisKeysAndValues(stack.redis))];
  const found = places.filter(
    // A ticket that nobody redeems lies there for its minute, and opens nothing.
    ([name, bytes]) => !name.endsWith('as binary') && !name.includes(' ticket:') && ids.some((id) => bytes.includes(id)),
  );
  return [...new Set(found.map(([name]) => name.replace(/^table test_(keys_)?\w+?\.(\w+) as text$/, '$2')))];
}

test('P7: an erased visitor is nowhere any more, and what lay in a dump before opens for nobody, with the master key neither', async () => {
  const [ada, bob] = ['ada', 'bob'].map((name) => `${name}${randomBytes(8).toString('hex')}`) as [string, string];
  const [hers, his] = [await use(ada), await use(bob)];
  const [herSocket, hisSocket] = [await follow(ada), await follow(bob)];
  const ids = (
    await data.query<{ id: string }>(
      `SELECT id FROM conversations WHERE visitor_id = $1 UNION SELECT id FROM turns WHERE visitor_id = $1
     UNION SELECT m.id FROM messages m JOIN conversations c ON c.id = m.conversation_id WHERE c.visitor_id = $1 UNION SELECT $1`,
      [hers.visitorUuid],
    )
  ).rows.map(({ id }) => id);
  expect(ids.length).toBeGreaterThan(10);
  const [herDump, hisDump] = [await sealedOf(hers.visitorUuid), await sealedOf(his.visitorUuid)];
  const before = await wrapped();
  expect(openedBy(before, [...herDump, ...hisDump])).toHaveLength(herDump.length + hisDump.length);
  expect(openedBy(before, herDump).length).toBeGreaterThan(10);
  const saved = await backup(hers.visitorUuid);

  const asked = await ok(call('POST', '/v1/privacy/erasures', { visitor_id: ada }), 202);
  expect(asked).toMatchObject({ state: 'queued', subject: { kind: 'visitor', id: publicId('visitor', hers.visitorUuid) } });
  expect(await herSocket.closed).toEqual({ code: 4401, reason: 'erased' });
  const erasure = await done(asked);
  expect(erasure.deleted).toMatchObject({ visitors: 1, conversations: 4, visitor_consents: 1, privacy_mappings: 1 });
  expect(erasure.deleted.messages).toBeGreaterThan(5);

  // Signed, so that it can be shown to somebody who has no access here.
  const { keys } = (await stack.request('GET', '/.well-known/jwks.json')).body;
  const { payload, protectedHeader } = await compactVerify(erasure.receipt, createLocalJWKSet({ keys }));
  expect(protectedHeader.typ).toBe('parley-erasure-receipt+jws');
  expect(JSON.parse(Buffer.from(payload).toString())).toMatchObject({
    tenant: tenant.tenantId,
    erasure: asked.id,
    subject: asked.subject,
    keys: 'destroyed',
    deleted: erasure.deleted,
  });

  const after = await wrapped();
  expect(openedBy(after, herDump)).toEqual([]);
  expect(openedBy(after, hisDump)).toHaveLength(hisDump.length);
  // Only what proves the erasure still names her, by our own id; the ledger knows turns that are no more.
  const left = ['erasures', 'key_changes', 'tombstones'];
  await expect.poll(async () => (await placesWith([hers.visitorUuid])).sort(), { timeout: 15_000 }).toEqual(left);
  await expect.poll(async () => (await placesWith(ids)).sort(), { timeout: 15_000 }).toEqual([...left, 'provider_calls'].sort());
  const late = { id: 'late', messages: [{ id: 'late', role: 'user', parts: [{ type: 'text', text: 'Hello' }] }] };
  expect(await stack.request('POST', '/v1/chat', { token: hers.ticket, body: late })).toMatchObject({ status: 401 });
  const stored = [await tableCopies(data), await tableCopies(keystore), await redisKeysAndValues(stack.redis)].flat();
  const files = (await dataFiles(data, since)) ?? [];
  expect(findTexts([ada], [...stored, ...files, ['log', Buffer.from(logLines.join('\n'))]])).toEqual([]);
  expect(findTexts([ada], [['planted', Buffer.from(`x${ada}x`)]])).toHaveLength(1);

  // He notices nothing, and she begins anew.
  expect(hisSocket.frames.at(-1)?.type).toBe('chunk');
  hisSocket.ws.terminate();
  expect((await ok(call('GET', `/v1/conversations?visitor_id=${bob}`))).data).toHaveLength(4);
  expect((await ok(call('GET', `/v1/conversations?visitor_id=${ada}`))).data).toEqual([]);
  const events = (await ok(call('GET', '/v1/audit?action=person.erase'))).data as { detail: { stage: string } }[];
  expect(events.map(({ detail }) => detail.stage).sort()).toEqual(['done', 'requested']);

  // A backup of the data is restored, then one of the keystore: she is forgotten again.
  await restore(saved);
  expect(await placesWith([hers.visitorUuid])).toContain('visitors');
  await stack.app.get(ForgetAgain, { strict: false }).handle();
  expect((await placesWith([hers.visitorUuid])).sort()).toEqual(left);
  await keystore.query('DELETE FROM tombstones');
  for (const key of before.filter((row) => !after.some(({ id }) => id === row.id)))
    await keystore.query('INSERT INTO wrapped_keys (tenant_id, id, kind, subject_id, wrapped) VALUES ($1, $2, $3, $4, $5)', [
      ...[key.tenant_id, key.id, key.kind, hers.visitorUuid, key.wrapped],
    ]);
  expect(openedBy(await wrapped(), herDump)).toHaveLength(herDump.length);
  await stack.app.get(ForgetAgain, { strict: false }).handle();
  expect(openedBy(await wrapped(), herDump)).toEqual([]);
  expect((await use(ada)).visitorUuid).not.toBe(hers.visitorUuid);
}, 60_000);

test('whoever sends at the very moment loses nothing silently: the message is stored for the one who begins anew, or refused as erased', async () => {
  const eve = `eve${randomBytes(6).toString('hex')}`;
  const { visitorUuid } = await use(eve);
  const body = (n: number) => ({
    id: `racing-${n}`,
    bot_id: tenant.botId,
    visitor_id: eve,
    messages: [{ id: `m${n}`, role: 'user', parts: [{ type: 'text', text: 'Hello' }] }],
  });
  const asked = await ok(call('POST', '/v1/privacy/erasures', { visitor_id: publicId('visitor', visitorUuid) }), 202);
  const sender = { going: true };
  const statuses: number[] = [];
  const sending = (async () => {
    for (let n = 0; sender.going; n += 1) {
      const url = n % 2 === 0 ? stack.url : other.url;
      const answer = await fetch(`${url}/v1/chat`, {
        method: 'POST',
        headers: { authorization: `Bearer ${tenant.apiKey}`, 'content-type': 'application/json' },
        body: JSON.stringify(body(n)),
      });
      // An answer to her that was being given is cut.
      statuses.push(
        await answer.text().then(
          () => answer.status,
          () => 410,
        ),
      );
    }
  })();
  await done(asked);
  await expect.poll(() => statuses.slice(-2), { timeout: 15_000 }).toEqual([200, 200]);
  sender.going = false;
  await sending;
  expect(statuses.filter((status) => ![200, 410].includes(status))).toEqual([]);
  // How often she was refused is counted for a minute.
  const places = (await placesWith([visitorUuid])).filter((name) => !/:visitor:[\w-]+:(messages|copies)$/.test(name));
  expect(places.sort()).toEqual(['erasures', 'key_changes', 'tombstones']);
});

test('a legal hold comes first; unknown, foreign and malformed persons are the same 404; a second wish is the first', async () => {
  const kim = `kim${randomBytes(6).toString('hex')}`;
  const { visitorUuid, conversation } = await use(kim);
  const hold = await ok(call('POST', '/v1/privacy/holds', { kind: 'conversation', object_id: conversation, reason_code: 'case-1' }), 201);
  expect(await call('POST', '/v1/privacy/erasures', { visitor_id: kim })).toMatchObject({ status: 409, body: { code: 'legal_hold' } });
  await ok(call('DELETE', `/v1/privacy/holds/${hold.id}`), 204);
  const foreign = await stack.tenant();
  for (const body of [
    { visitor_id: 'nobody' },
    { visitor_id: publicId('visitor', newUuid()) },
    { user_id: foreign.userId },
    { user_id: kim },
  ])
    expect(await call('POST', '/v1/privacy/erasures', body)).toMatchObject({ status: 404 });
  for (const body of [{}, { visitor_id: kim, user_id: tenant.userId }, { visitor_id: '' }])
    expect(await call('POST', '/v1/privacy/erasures', body)).toMatchObject({ status: 400 });
  const wishes = await Promise.all([1, 2, 3].map(() => call('POST', '/v1/privacy/erasures', { visitor_id: kim })));
  const taken = wishes.filter(({ status }) => status === 202);
  expect(taken.length).toBeGreaterThan(0);
  expect(new Set(taken.map(({ body }) => body.id)).size).toBe(1);
  await done(taken[0]?.body);
  expect(
    await call('POST', '/v1/privacy/holds', { kind: 'visitor', object_id: publicId('visitor', visitorUuid), reason_code: 'x' }),
  ).toMatchObject({
    status: 422,
  });
});

test('of a hold and an erasure that come at once, one is refused; what is being erased cannot be held', async () => {
  const hold = (kind: string, objectId: string) => call('POST', '/v1/privacy/holds', { kind, object_id: objectId, reason_code: 'race' });
  const people = await Promise.all(
    Array.from({ length: 6 }, () => `kim${randomBytes(6).toString('hex')}`).map(async (id) => ({ id, ...(await use(id)) })),
  );
  const outcomes = await Promise.all(
    people.map(async ({ id, conversation, visitorUuid }, at) => {
      const held = at % 2 === 0 ? hold('conversation', conversation) : hold('visitor', publicId('visitor', visitorUuid));
      const [placed, asked] = await Promise.all([held, call('POST', '/v1/privacy/erasures', { visitor_id: id })]);
      if (placed.status === 201) await ok(call('DELETE', `/v1/privacy/holds/${placed.body.id}`), 204);
      return `${placed.status} ${asked.status}`;
    }),
  );
  expect(outcomes.filter((outcome) => !['201 409', '422 202'].includes(outcome))).toEqual([]);
  const kim = `kim${randomBytes(6).toString('hex')}`;
  const { visitorUuid, conversation } = await use(kim);
  // Accepted, and not begun.
  await data.query(`INSERT INTO erasures (tenant_id, id, kind, subject_id, requested_by) VALUES ($1, $2, 'visitor', $3, 'test')`, [
    ...[tenant.tenantUuid, newUuid(), visitorUuid],
  ]);
  for (const [kind, id] of [
    ['conversation', conversation],
    ['visitor', publicId('visitor', visitorUuid)],
  ] as const)
    expect(await hold(kind, id)).toMatchObject({ status: 422, body: { code: 'nothing_to_hold' } });
  await data.query('DELETE FROM erasures WHERE subject_id = $1', [visitorUuid]);
});

test('P7: an erased member loses sessions, address and account, and what they tried as a visitor; the only owner stays', async () => {
  expect(await call('POST', '/v1/privacy/erasures', { user_id: tenant.userId })).toMatchObject({
    status: 409,
    body: { code: 'last_owner' },
  });
  const [account, membershipId] = [await stack.tenant(), newUuid()];
  const userUuid = uuidOf('user', account.userId) as string;
  const ring = stack.app.get(KeyRing);
  const email = seal(await ring.visitorKey(tenant.tenantUuid, userUuid), emailPlace(tenant.tenantUuid, membershipId), account.email);
  await data.query(`INSERT INTO memberships (tenant_id, id, user_id, role, email) VALUES ($1, $2, $3, 'developer', $4)`, [
    ...[tenant.tenantUuid, membershipId, userUuid, email],
  ]);
  await data.query('DELETE FROM memberships WHERE tenant_id = $1', [account.tenantUuid]);
  const signIn = { email: account.email, password: account.password, tenant_id: tenant.tenantId };
  const session = await ok(stack.request('POST', '/v1/auth/sign-in', { body: signIn }));
  const tried = { id: 'tried', bot_id: tenant.botId, messages: [{ id: 'm', role: 'user', parts: [{ type: 'text', text: 'Hello' }] }] };
  await ok(stack.request('POST', '/v1/chat', { token: session.access_token, body: tried }));
  const dump = [{ place: `${tenant.tenantUuid}|memberships|email|${membershipId}`, stored: email }];
  expect(openedBy(await wrapped(), dump)).toHaveLength(1);
  const erasure = await done(await ok(call('POST', '/v1/privacy/erasures', { user_id: account.userId }), 202));
  expect(erasure.deleted).toMatchObject({ memberships: 1, sessions: 1, users: 1, visitors: 1, conversations: 1, messages: 2 });
  expect(openedBy(await wrapped(), dump)).toEqual([]);
  // They have a key in the tenant that they came from, too.
  const elsewhere = new Set(['key_changes', 'wrapped_keys']);
  expect((await placesWith([userUuid])).filter((name) => !elsewhere.has(name)).sort()).toEqual(['erasures', 'tombstones']);
  const { rows: keys } = await keystore.query('SELECT 1 FROM wrapped_keys WHERE tenant_id = $1 AND subject_id = $2', [
    ...[tenant.tenantUuid, userUuid],
  ]);
  expect(keys).toEqual([]);
  expect((await stack.request('GET', '/v1/me', { token: session.access_token })).status).toBe(401);
  expect((await stack.request('POST', '/v1/auth/sign-in', { body: signIn })).status).toBe(401);
});
