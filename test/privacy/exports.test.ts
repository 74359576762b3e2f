import { randomBytes, randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { newUuid, publicId, uuidOf } from '../../src/kernel/ids.ts';
import { SweepExports } from '../../src/modules/privacy/rights/exports/sweep-exports.job.ts';
import { Outbox } from '../../src/platform/events/index.ts';
import { type DataSubject, PersonalDataRegistry } from '../../src/platform/personal-data/index.ts';
import { IndependentDecrypter, type WrappedRow } from '../support/independent-decrypter.ts';
import { findTexts } from '../support/marker-search.ts';
import { urlAs } from '../support/services.ts';
import { type Answer, type TestStack, type TestTenant, testStack } from '../support/stack.ts';
import { redisKeysAndValues, tableCopies } from '../support/stored-places.ts';
import { openArchive, zipEntries } from '../support/zip-reader.ts';

let stack: TestStack;
let [tenant, foreign]: TestTenant[] = [];
let data: pg.Client;
let keystore: pg.Client;
const logLines: string[] = [];
const core = `q${randomBytes(9).toString('hex')}z`;

beforeAll(async () => {
  stack = await testStack({
    onLog: (line) => logLines.push(line),
    env: { QUEUE_RETRY_DELAY_MS: '50', PRIVACY_EXPORT_MAX_BYTES: '2000000' },
  });
  [tenant, foreign] = [await stack.tenant(), await stack.tenant()];
  [data, keystore] = [stack.database, stack.keystore].map(
    (name) => new pg.Client({ connectionString: urlAs(stack.postgresUrl, name) }),
  ) as [pg.Client, pg.Client];
  await Promise.all([data.connect(), keystore.connect()]);
});
afterAll(async () => {
  await Promise.all([data.end(), keystore.end()]);
  await stack.close();
});

const mine = () => tenant as TestTenant;
const theirs = () => foreign as TestTenant;
const call = (method: string, path: string, body?: unknown, of = mine()) =>
  stack.request(method, path, { token: of.accessToken, ...(body === undefined ? {} : { body }) });
const ok = async (answer: Promise<Answer>, status = 200): Promise<any> => {
  const got = await answer;
  expect(got.status, JSON.stringify(got.body)).toBe(status);
  return got.body;
};

/** Lets a visitor say something in a number of conversations. */
async function talk(visitor: string, conversations = 1, of = mine()): Promise<void> {
  for (let n = 0; n < conversations; n += 1) {
    const text = `${visitor} says ${n} [[demo: ${JSON.stringify({ text: `${visitor} is told ${n}` })}]]`;
    const body = {
      id: `${visitor}-${n}`,
      bot_id: of.botId,
      visitor_id: visitor,
      messages: [{ id: randomUUID(), role: 'user', parts: [{ type: 'text', text }] }],
    };
    await ok(call('POST', '/v1/chat', body, of));
  }
}
const visitorUuid = async (visitor: string, of = mine()) => {
  const [conversation] = (await ok(call('GET', `/v1/conversations?visitor_id=${visitor}`, undefined, of))).data as { id: string }[];
  const { rows } = await data.query<{ id: string }>('SELECT visitor_id AS id FROM conversations WHERE id = $1', [
    uuidOf('conversation', conversation?.id as string),
  ]);
  return rows[0]?.id as string;
};

const ended = async (id: string, state = 'done'): Promise<any> => {
  await expect.poll(async () => (await call('GET', `/v1/privacy/exports/${id}`)).body.state as string, { timeout: 15_000 }).toBe(state);
  return ok(call('GET', `/v1/privacy/exports/${id}`));
};
const linkOf = (url: string) => `${stack.url}${new URL(url).pathname}${new URL(url).search}`;
const fetched = async (url: string) => {
  const answer = await fetch(linkOf(url));
  return { status: answer.status, headers: answer.headers, bytes: Buffer.from(await answer.arrayBuffer()) };
};
async function exported(
  body: unknown,
): Promise<{ id: string; url: string; password: string; archive: Buffer; files: Map<string, string> }> {
  const asked = await ok(call('POST', '/v1/privacy/exports', body), 202);
  await stack.app.get(Outbox).relay();
  const { download_url: url } = await ended(asked.id);
  const { bytes: archive } = await fetched(url);
  return { id: asked.id, url, password: asked.password, archive, files: openArchive(archive, asked.password) };
}
const records = (files: Map<string, string>, list: string) =>
  (files.get(`${list}.jsonl`) ?? '').split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Record<string, any>]));

async function stored() {
  return [await tableCopies(data), await tableCopies(keystore), await redisKeysAndValues(stack.redis)].flat();
}

test('P7: a visitor’s export holds all that the API shows of them, for whoever has the link and the password, and nothing of it is stored in clear', async () => {
  const ada = `${core}ada`;
  await talk(ada, 3);
  await talk(`${core}bob`);
  const listed = (await ok(call('GET', `/v1/conversations?visitor_id=${ada}`))).data as { id: string; title: unknown }[];
  await ok(call('PATCH', `/v1/conversations/${listed[0]?.id}`, { title: `${ada} title`, metadata: { note: `${ada} note` } }));
  const asked = await ok(call('POST', '/v1/privacy/exports', { visitor_id: ada }), 202);
  expect(asked).toMatchObject({ state: 'queued', subject: { kind: 'visitor' }, download_url: null, progress: { records: 0, bytes: 0 } });
  const done = await ended(asked.id);
  expect(done).not.toHaveProperty('password');
  expect((await ok(call('GET', '/v1/privacy/exports'))).data[0]).toEqual(done);

  const { status, headers, bytes } = await fetched(done.download_url);
  expect([status, headers.get('cache-control'), headers.get('content-length')]).toEqual([200, 'no-store', String(done.progress.bytes)]);
  expect(headers.get('content-disposition')).toBe(`attachment; filename="${asked.id}.zip"`);
  for (const { aes } of zipEntries(bytes)) expect(aes).toMatchObject({ version: 2, strength: 3 });
  expect(() => openArchive(bytes, `${asked.password}x`)).toThrow('wrong password');
  const files = openArchive(bytes, asked.password);

  const conversations = (await ok(call('GET', `/v1/conversations?visitor_id=${ada}`))).data as any[];
  expect(
    records(files, 'conversations')
      .map(({ id, title, metadata }) => ({ id, title, metadata: metadata ?? {} }))
      .toSorted(byId),
  ).toEqual(conversations.map(({ id, title, metadata }) => ({ id, title, metadata })).toSorted(byId));
  const shown = (await Promise.all(conversations.map(({ id }) => ok(call('GET', `/v1/conversations/${id}/messages`))))).flatMap(
    ({ data: all }) => all as any[],
  );
  expect(shown).toHaveLength(6);
  expect(
    records(files, 'messages')
      .map(({ id, role, content }) => ({ id, role, content }))
      .toSorted(byId),
  ).toEqual(shown.map(({ id, role, parts }) => ({ id, role, content: parts })).toSorted(byId));
  expect(records(files, 'visitors')).toMatchObject([{ id: done.subject.id, external_id: ada }]);
  const manifest = JSON.parse(files.get('manifest.json') ?? '');
  expect(manifest).toMatchObject({ tenant: mine().tenantId, subject: done.subject, export: asked.id });
  expect(manifest.files.reduce((sum: number, file: { records: number }) => sum + file.records, 0)).toBe(done.progress.records);
  expect([...files.values()].join('\n')).not.toContain(`${core}bob`);

  const token = new URL(done.download_url).searchParams.get('token') as string;
  const places = [...(await stored()), ['log', Buffer.from(logLines.join('\n'))] as [string, Buffer]];
  expect(findTexts([core, asked.password, token], places)).toEqual([]);
  const acts = (await ok(call('GET', '/v1/audit?limit=100'))).data as { action: string; detail: Record<string, string> | null }[];
  expect(
    acts.filter(({ detail }) => detail?.['export'] === asked.id).map(({ action, detail }) => `${action} ${detail?.['stage']}`),
  ).toEqual(['person.export done', 'person.export requested']);
  expect(acts.filter(({ action }) => action === 'person.export_download')).toHaveLength(1);
});

const byId = (a: { id: string }, b: { id: string }) => a.id.localeCompare(b.id);

test('P4: a link that is wrong, foreign or over is the same 404, and so is a foreign export', async () => {
  const kim = `${core}kim`;
  await talk(kim);
  const { id, url, archive } = await exported({ visitor_id: kim });
  const other = await exported({ visitor_id: kim });
  const right = new URL(url).searchParams.get('token') as string;
  const path = new URL(url).pathname;
  for (const wrong of [
    '',
    '?token=',
    `?token=${right}x`,
    `?token=${right.slice(0, -1)}`,
    `?token=${new URL(other.url).searchParams.get('token')}`,
  ])
    expect((await fetch(`${stack.url}${path}${wrong}`)).status, wrong).toBe(404);
  for (const wrong of [other.id, publicId('personalExport', newUuid()), 'pexp_x', kim])
    expect((await fetch(`${stack.url}/v1/privacy/exports/${wrong}/archive?token=${right}`)).status, wrong).toBe(404);
  for (const method of ['GET', 'DELETE']) expect((await call(method, `/v1/privacy/exports/${id}`, undefined, theirs())).status).toBe(404);
  expect((await call('POST', '/v1/privacy/exports', { visitor_id: kim }, theirs())).status).toBe(404);
  for (const body of [{}, { visitor_id: kim, scope: 'tenant' }, { scope: 'platform' }])
    expect((await call('POST', '/v1/privacy/exports', body)).status).toBe(400);
  expect((await fetched(url)).bytes.equals(archive)).toBe(true);
  const erasure = newUuid();
  await data.query(`INSERT INTO erasures (tenant_id, id, kind, subject_id, requested_by) VALUES ($1, $2, 'visitor', $3, 'test')`, [
    ...[mine().tenantUuid, erasure, await visitorUuid(kim)],
  ]);
  for (const body of [{ visitor_id: kim }, { scope: 'tenant' }])
    expect(await call('POST', '/v1/privacy/exports', body)).toMatchObject({ status: 409, body: { code: 'erasure_under_way' } });
  await data.query('DELETE FROM erasures WHERE id = $1', [erasure]);

  await data.query(`UPDATE personal_exports SET expires_at = now() - interval '1 second' WHERE id = $1`, [uuidOf('personalExport', id)]);
  expect((await fetched(url)).status).toBe(404);
  expect(await ok(call('GET', `/v1/privacy/exports/${id}`))).toMatchObject({ state: 'expired', download_url: null });
  await stack.app.get(SweepExports, { strict: false }).handle();
  await ok(call('DELETE', `/v1/privacy/exports/${other.id}`), 204);
  expect((await fetched(other.url)).status).toBe(404);
  const left = await data.query('SELECT 1 FROM personal_export_parts WHERE export_id = ANY($1)', [
    [id, other.id].map((each) => uuidOf('personalExport', each)),
  ]);
  expect(left.rows).toEqual([]);
  expect(await ok(call('GET', `/v1/privacy/exports/${id}`))).toMatchObject({ state: 'expired' });
});

/** Records that fill more than one part of an archive. */
function* noise() {
  for (let n = 0; n < 40; n += 1) yield { file: 'noise', record: { noise: randomBytes(20_000).toString('base64') } };
}

/** The holder of what people have said, to be made to fail. */
function conversationsHolder() {
  const found = stack.app
    .get(PersonalDataRegistry)
    .holders()
    .find(({ name }) => name === 'ConversationsData');
  if (found === undefined) throw new Error('there is no such holder');
  const { holder } = found;
  vi.restoreAllMocks();
  return { real: holder.export.bind(holder), spy: vi.spyOn(holder, 'export') };
}

/** Has the next export stand still in the middle until it may go on, and then store more than one part. */
function standingStill() {
  const signals = ['isThere', 'goingOn', 'isOver'].map(() => Promise.withResolvers<void>());
  const [isThere, goingOn, isOver] = signals as [PromiseWithResolvers<void>, PromiseWithResolvers<void>, PromiseWithResolvers<void>];
  const { real, spy } = conversationsHolder();
  spy.mockImplementationOnce(async function* (subject: DataSubject) {
    try {
      isThere.resolve();
      await goingOn.promise;
      yield* noise();
      yield* real(subject);
    } finally {
      isOver.resolve();
    }
  });
  return { isThere: isThere.promise, goOn: () => goingOn.resolve(), isOver: isOver.promise };
}

/** Attempts of which parts are stored. */
async function attemptsOf(id: string): Promise<number[]> {
  const { rows } = await data.query<{ attempt: number }>('SELECT DISTINCT attempt FROM personal_export_parts WHERE export_id = $1', [
    uuidOf('personalExport', id),
  ]);
  return rows.map(({ attempt }) => attempt);
}

test('an export that breaks off is made anew and whole; one that is overtaken stops and leaves nothing behind', async () => {
  const lea = `${core}lea`;
  await talk(lea, 2);
  const before = await exported({ visitor_id: lea });
  const { real, spy } = conversationsHolder();
  spy.mockImplementationOnce(async function* (subject: DataSubject) {
    yield* noise();
    for await (const record of real(subject)) {
      yield record;
      throw new Error('broken off');
    }
  });
  const again = await exported({ visitor_id: lea });
  const listsOf = (files: Map<string, string>) =>
    ['visitors', 'conversations', 'messages', 'turns'].map((list) => files.get(`${list}.jsonl`));
  expect(listsOf(again.files)).toEqual(listsOf(before.files));

  // The first stands still until somebody else has made it.
  const still = standingStill();
  const asked = await ok(call('POST', '/v1/privacy/exports', { visitor_id: lea }), 202);
  await still.isThere;
  await data.query(`UPDATE personal_exports SET updated_at = now() - interval '1 hour' WHERE id = $1`, [
    uuidOf('personalExport', asked.id),
  ]);
  await stack.app.get(SweepExports, { strict: false }).handle();
  const { download_url: url, progress } = await ended(asked.id);
  still.goOn();
  await still.isOver;
  expect(listsOf(openArchive((await fetched(url)).bytes, asked.password))).toEqual(listsOf(before.files));
  expect(await ok(call('GET', `/v1/privacy/exports/${asked.id}`))).toMatchObject({ state: 'done', progress });
  expect([await attemptsOf(again.id), await attemptsOf(asked.id)]).toEqual([[2], [2]]);
});

test('an export that is too large, or breaks off again and again, fails and leaves no archive', async () => {
  const { spy } = conversationsHolder();
  spy.mockImplementationOnce(async function* () {
    for (let n = 0; n < 5; n += 1) yield* noise();
  });
  const failed = async () => {
    const asked = await ok(call('POST', '/v1/privacy/exports', { visitor_id: `${core}lea` }), 202);
    await stack.app.get(Outbox).relay();
    const { error_code: code, download_url: url } = await ended(asked.id, 'failed');
    return { code, url, attempts: await attemptsOf(asked.id) };
  };
  expect(await failed()).toEqual({ code: 'too_large', url: null, attempts: [] });
  spy.mockImplementation(async function* () {
    yield* noise();
    throw new Error('broken');
  });
  expect(await failed()).toEqual({ code: 'internal', url: null, attempts: [] });
  vi.restoreAllMocks();
});

test('P4, P7: a tenant’s export holds every visitor and no secret, nothing of another tenant; owners alone make and see it', async () => {
  const names = ['nia', 'ole'].map((name) => core + name);
  for (const name of names) await talk(name);
  await talk(`${core}zoe`, 1, theirs());
  await ok(call('POST', '/v1/model-credentials', { name: 'own', kind: 'openai', secret: `sk-${core}secret`, skip_test: true }), 201);
  const key = await ok(call('POST', '/v1/api-keys', { name: 'exports', scopes: ['person.export'] }), 201);
  const asKey = (method: string, path: string, body?: unknown) =>
    stack.request(method, path, { token: key.key as string, ...(body === undefined ? {} : { body }) });
  expect((await asKey('POST', '/v1/privacy/exports', { scope: 'tenant' })).status).toBe(403);
  const { id, files, archive } = await exported({ scope: 'tenant' });
  expect((await asKey('GET', `/v1/privacy/exports/${id}`)).status).toBe(404);
  expect(((await asKey('GET', '/v1/privacy/exports')).body.data as { id: string }[]).map((each) => each.id)).not.toContain(id);

  const visitors = await data.query<{ n: number }>('SELECT count(*)::int AS n FROM visitors WHERE tenant_id = $1', [mine().tenantUuid]);
  expect(records(files, 'visitors')).toHaveLength(visitors.rows[0]?.n ?? 0);
  for (const name of names) expect(records(files, 'visitors').map(({ external_id: known }) => known)).toContain(name);
  expect(records(files, 'messages').filter(({ content }) => JSON.stringify(content).includes(`${core}ole`))).toHaveLength(2);
  expect(records(files, 'memberships')).toMatchObject([{ email: mine().email, role: 'owner' }]);
  expect(
    records(files, 'api_keys')
      .map(({ name }) => name)
      .sort(),
  ).toEqual(['Test key', 'exports']);
  const text = [...files.values()].join('\n');
  const hashes = await data.query<{ hash: Buffer }>(
    `SELECT key_hash AS hash FROM api_keys UNION ALL SELECT email_hash FROM users UNION ALL SELECT password_hash FROM users UNION ALL SELECT token_hash FROM refresh_tokens`,
  );
  expect(hashes.rows.length).toBeGreaterThan(6);
  const secrets = [mine().apiKey, mine().password, mine().refreshToken, key.key as string, `${core}secret`];
  const notTheirs = [`${core}zoe`, theirs().tenantId, theirs().tenantUuid, theirs().email, theirs().botId, theirs().userId];
  const hidden = [
    ...secrets,
    ...notTheirs,
    ...hashes.rows.flatMap(({ hash }) => [hash.toString('hex'), hash.toString('base64'), hash.toString()]),
  ];
  expect(hidden.filter((each) => text.includes(each))).toEqual([]);
  expect(findTexts([core, ...notTheirs], [['archive', archive]])).toEqual([]);
});

test('P7: with a person go the archives that they are in, while one is made too, and what lay in a dump opens for nobody', async () => {
  const max = `${core}max`;
  await talk(max);
  const uuid = await visitorUuid(max);
  const [own, whole] = [await exported({ visitor_id: max }), await exported({ scope: 'tenant' })];
  const other = await exported({ visitor_id: `${core}kim` });
  const dumped = (
    await data.query<{ place: string; content: Buffer; kind: string }>(
      `SELECT p.tenant_id || '|personal_export_parts|content|' || p.id AS place, content, kind FROM personal_export_parts p
       JOIN personal_exports e ON e.id = p.export_id WHERE e.id = ANY($1)`,
      [[own.id, whole.id].map((id) => uuidOf('personalExport', id))],
    )
  ).rows;
  const opened = async () => {
    const keys = (await keystore.query<WrappedRow>('SELECT tenant_id, id, kind, wrapped FROM wrapped_keys')).rows;
    const decrypter = new IndependentDecrypter(Buffer.from(stack.env['PARLEY_MASTER_KEY'] as string, 'base64'), keys);
    return dumped.filter(({ place, content }) => decrypter.open(place, content) !== undefined).map(({ kind }) => kind);
  };
  expect(new Set(await opened())).toEqual(new Set(['visitor', 'tenant']));
  const still = standingStill();
  const running = await ok(call('POST', '/v1/privacy/exports', { visitor_id: max }), 202);
  await still.isThere;
  const erasure = await ok(call('POST', '/v1/privacy/erasures', { visitor_id: max }), 202);
  await expect.poll(async () => (await ok(call('GET', `/v1/privacy/erasures/${erasure.id}`))).state, { timeout: 15_000 }).toBe('done');
  expect((await ok(call('GET', `/v1/privacy/erasures/${erasure.id}`))).deleted.personal_exports).toBeGreaterThanOrEqual(3);
  still.goOn();
  await still.isOver;
  vi.restoreAllMocks();
  expect((await call('GET', `/v1/privacy/exports/${running.id}`)).status).toBe(404);
  for (const { id, url } of [own, whole]) {
    expect((await call('GET', `/v1/privacy/exports/${id}`)).status).toBe(404);
    expect((await fetched(url)).status).toBe(404);
  }
  expect(await opened()).toEqual([]);
  const { rows } = await data.query('SELECT 1 FROM personal_export_parts WHERE export_id = ANY($1)', [
    [own.id, whole.id].map((id) => uuidOf('personalExport', id)),
  ]);
  expect(rows).toEqual([]);
  for (const body of [{ visitor_id: max }, { visitor_id: publicId('visitor', uuid) }])
    expect((await call('POST', '/v1/privacy/exports', body)).status).toBe(404);
  expect((await fetched(other.url)).bytes.equals(other.archive)).toBe(true);
});
