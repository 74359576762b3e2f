import { randomBytes } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { RunningServer } from '../../../apps/server.main.ts';
import { newUuid } from '../../../kernel/ids.ts';
import { IndependentDecrypter, type WrappedRow } from '../../../../test/support/independent-decrypter.ts';
import { urlAs } from '../../../../test/support/services.ts';
import { type Answer, caller, type TestStack, type TestTenant, testStack } from '../../../../test/support/stack.ts';
import { CannotDecrypt, KeyRetired, type Place, seal } from '../envelope.ts';
import { KeyRing, wrappedPlace } from '../key-ring.ts';
import { Keystore } from '../keystore.ts';
import { LocalMasterKey, unversionedMaster } from '../master/local-master-key.ts';
import { MasterKeys } from '../master/master-keys.ts';
import { sealedColumns } from '../sealed-columns.ts';
import { KeyCare } from './key-care.ts';
import { KeyRotation, mastersOwnPlace } from './key-rotation.ts';
import { keysAfter, mastersOwn, rewrap, rewrapMastersOwn, supersede } from './key-version-rows.ts';
import { Reencryption } from './reencryption.ts';

const [first, second] = [randomBytes(32), randomBytes(32)];
const asBase64 = (key: Buffer) => key.toString('base64');

let stack: TestStack;
let tenant: TestTenant;
let other: RunningServer;
/** What a visitor has said, as it came before any rotation. */
let before: Answer;
let data: pg.Client;

/** One conversation of one visitor, with a title. */
async function talk(url: string, visitor: string, chat = `talk-${visitor}`): Promise<Answer> {
  const request = caller(url);
  const messages = [
    { id: newUuid(), role: 'user', parts: [{ type: 'text', text: `I am ${visitor} [[demo: {"text":"Hello ${visitor}"}]]` }] },
  ];
  return request('POST', '/v1/chat', {
    token: tenant.accessToken,
    body: { id: chat, bot_id: tenant.botId, visitor_id: visitor, messages },
  });
}

async function listed(url: string, visitor: string): Promise<Answer> {
  return caller(url)('GET', `/v1/conversations?visitor_id=${visitor}`, { token: tenant.accessToken });
}

async function said(url: string, visitor: string): Promise<Answer> {
  const { body } = await listed(url, visitor);
  return caller(url)('GET', `/v1/conversations/${body.data[0].id as string}/messages`, { token: tenant.accessToken });
}

/** Puts everything under the master key into the form that it had before there were versions of it. */
async function asBeforeVersions(keystore: Keystore, masters: MasterKeys): Promise<void> {
  const old = (place: Place, clear: Buffer) => seal({ id: unversionedMaster, tenantId: place.tenantId, bytes: first }, place, clear);
  const { tenantUuid } = tenant;
  for (const { id, wrapped } of await keystore.forTenant(tenantUuid, (tx) => keysAfter(tx, tenantUuid, 'tenant', undefined, 10))) {
    const place = wrappedPlace(tenantUuid, 'tenant', id);
    const after = old(place, await masters.unwrap(place, wrapped));
    expect(await keystore.forTenant(tenantUuid, (tx) => rewrap(tx, tenantUuid, id, wrapped, after))).toBe(true);
  }
  for (const { table, name, wrapped } of await keystore.forAll(mastersOwn)) {
    if (table === 'master_secrets') continue;
    const after = old(mastersOwnPlace(table, name), await masters.unwrap(mastersOwnPlace(table, name), wrapped));
    expect(await keystore.forAll((tx) => rewrapMastersOwn(tx, table, name, wrapped, after))).toBe(true);
  }
}

beforeAll(async () => {
  stack = await testStack({ env: { PARLEY_MASTER_KEY: asBase64(first), PARLEY_MASTER_KEYS_OLD: asBase64(second) } });
  tenant = await stack.tenant();
  data = new pg.Client({ connectionString: urlAs(stack.postgresUrl, stack.database) });
  const keystore = new pg.Client({ connectionString: urlAs(stack.postgresUrl, stack.keystore) });
  await Promise.all([data.connect(), keystore.connect()]);
  expect((await talk(stack.url, 'ada')).status).toBe(200);
  const { id } = (await listed(stack.url, 'ada')).body.data[0] as { id: string };
  await stack.request('PATCH', `/v1/conversations/${id}`, { token: tenant.accessToken, body: { title: 'Title of ada' } });
  before = await said(stack.url, 'ada');
  await asBeforeVersions(stack.app.get(Keystore), stack.app.get(MasterKeys));
  await keystore.query('DELETE FROM master_secrets');
  await keystore.end();
  other = await stack.replica({ PARLEY_MASTER_KEY: asBase64(second), PARLEY_MASTER_KEYS_OLD: asBase64(first) });
});
afterAll(async () => {
  await data.end();
  await stack.close();
});

test('what there was before keys had versions opens under the next master key, and is found by its hashes', async () => {
  expect((await said(other.url, 'ada')).body).toEqual(before.body);
  const signIn = await caller(other.url)('POST', '/v1/auth/sign-in', { body: { email: tenant.email, password: tenant.password } });
  expect(signIn.status).toBe(200);
  expect((await caller(other.url)('GET', '/v1/bots', { token: tenant.apiKey })).status).toBe(200);
});

test('each level is rotated while two replicas read and write: no read fails', { timeout: 60_000 }, async () => {
  const { tenantUuid: tenantId } = tenant;
  const rings = [stack.app.get(KeyRing), other.app.get(KeyRing)];
  const visitors = Array.from({ length: 250 }, newUuid);
  for (const visitor of visitors) await rings[0]?.visitorKey(tenantId, visitor);
  const written: { place: Place; sealed: Buffer; text: string }[] = [];
  const failures: unknown[] = [];
  const counts = { reads: 0, turns: 0 };
  const rotations = { over: false };
  const some = <T>(of: T[]): T => of[Math.floor(Math.random() * of.length)] as T;
  const load = async () => {
    while (!rotations.over) {
      try {
        const text = newUuid();
        const place: Place = { tenantId, table: 'messages', column: 'content', rowId: newUuid() };
        written.push({ place, text, sealed: seal(await some(rings).visitorKey(tenantId, some(visitors)), place, text) });
        const values = [some(written), some(written), some(written)];
        const opened = await some(rings).openAll(values);
        for (const [at, value] of values.entries()) if (opened[at]?.toString() !== value.text) failures.push('another text');
        counts.reads += values.length;
      } catch (error) {
        failures.push(error);
      }
      await setImmediate();
    }
  };
  const turns = async (name: string) => {
    for (let at = 0; !rotations.over; at += 1) {
      // The answer is read on one replica, what was said on the other.
      const [here, there] = at % 2 === 0 ? [stack.url, other.url] : [other.url, stack.url];
      const answer = await talk(here, name, `${name}-${at}`);
      const read = await said(there, name);
      if (answer.status !== 200 || !String(answer.body).includes('"finish"')) failures.push(answer);
      if (read.status !== 200 || read.body.data.length !== 2) failures.push(read);
      counts.turns += 1;
    }
  };
  const running = [load(), load(), turns('bob'), turns('eve')];
  const [here, there] = [stack.app.get(KeyRotation), other.app.get(KeyRotation)];
  expect((await here.tenant(tenantId)).changed).toBeGreaterThanOrEqual(visitors.length);
  expect(await here.visitors(tenantId)).toMatchObject({ state: 'done', unreadable: 0 });
  const master = await there.master();
  expect(master.closed).toEqual([]);
  // Two versions of the tenant's key, and the signing key; the root of hashes was made under the second master key.
  expect(master.changed).toBeGreaterThanOrEqual(3);
  expect((await there.tenant(tenantId)).closed).toEqual([]);
  expect((await there.visitors(tenantId)).changed).toBeGreaterThanOrEqual(visitors.length);
  rotations.over = true;
  await Promise.all(running);
  expect(failures).toEqual([]);
  // However slow the machine.
  expect(counts.reads).toBeGreaterThan(50);
  expect(counts.turns).toBeGreaterThan(2);
  // Nothing needs the first master key any more, but for what it sealed on its own side since.
  expect((await there.master()).closed).toEqual([]);
});

test('an answer is read to its end on another replica, whether it was begun under an older version of the key or under one that is not known there', async () => {
  const [chat, text] = ['talk-midway', 'one two three four five six'];
  const demo = JSON.stringify({ text, stall_after_tokens: 2, stall_ms: 700 });
  const ask = async (url: string) =>
    (
      await caller(url)('POST', '/v1/chat', {
        token: tenant.accessToken,
        body: {
          ...{ id: chat, bot_id: tenant.botId, visitor_id: 'midway' },
          messages: [{ id: newUuid(), role: 'user', parts: [{ type: 'text', text: `Go on [[demo: ${demo}]]` }] }],
        },
      })
    ).body as string;
  const resume = async (url: string) =>
    (await caller(url)('GET', `/v1/chat/${chat}/stream?bot_id=${tenant.botId}&visitor_id=midway`, { token: tenant.accessToken }))
      .body as string;
  const textOf = (events: string) =>
    [...events.matchAll(/"delta":"((?:[^"\\]|\\.)*)"/g)].map(([, delta]) => JSON.parse(`"${delta}"`) as string).join('');
  const bothRead = async (rotate: () => Promise<unknown>) => {
    const asked = ask(stack.url);
    await vi.waitFor(async () => {
      const { rows } = await data.query(`SELECT 1 FROM turns WHERE state = 'running'`);
      expect(rows).toHaveLength(1);
    });
    await rotate();
    const resumed = await resume(other.url);
    expect([textOf(await asked), textOf(resumed)]).toEqual([text, text]);
  };
  await bothRead(() => stack.app.get(KeyRotation).visitors(tenant.tenantUuid));
  // Now the other replica goes by what it has in memory, while this one seals with a version that it has not heard of.
  const unheard = vi.spyOn(other.app.get(KeyRing), 'forget').mockReturnValue(undefined);
  await stack.app.get(KeyRotation).visitors(tenant.tenantUuid);
  await bothRead(() => Promise.resolve());
  expect(unheard).toHaveBeenCalled();
  unheard.mockRestore();
  other.app.get(KeyRing).forget(tenant.tenantUuid, null);
});

test('a run that was stopped is gone on with elsewhere, and a further one finds nothing to do', async () => {
  const { tenantUuid: tenantId } = tenant;
  const stop = new AbortController();
  const stopped = await stack.app.get(Reencryption).run(tenantId, () => stop.abort(), stop.signal);
  expect(stopped.state).toBe('running');
  const rest = await other.app.get(Reencryption).run(tenantId);
  expect(rest).toMatchObject({ id: stopped.id, state: 'done', unreadable: 0 });
  expect(rest.changed).toBeGreaterThan(stopped.changed);
  expect(await other.app.get(Reencryption).run(tenantId)).toMatchObject({ state: 'done', changed: 0, unreadable: 0 });
  expect((await said(stack.url, 'ada')).body).toEqual(before.body);
});

test('old versions that nothing needs are retired, and everything opens without them and the first master key', async () => {
  const { tenantUuid: tenantId } = tenant;
  const care = other.app.get(KeyCare);
  expect(await care.retire(tenantId, 600_000)).toEqual({ retired: 0, inUse: 0 });
  const { retired, inUse } = await care.retire(tenantId, 0);
  expect([retired > 500, inUse]).toEqual([true, 0]);
  const alone = await stack.replica({ PARLEY_MASTER_KEY: asBase64(second), PARLEY_MASTER_KEYS_OLD: '' });
  expect((await alone.app.get(KeyCare).verify({ all: true })).problems).toEqual([]);
  expect((await said(alone.url, 'ada')).body).toEqual(before.body);
  const { counts } = await care.status();
  expect(counts.filter(({ level, state }) => level === 'tenant' && state !== 'retired').map(({ wrappedBy }) => wrappedBy)).toEqual([
    new LocalMasterKey(second).name,
  ]);
});

test('P7: by the documented format alone, the second master key opens what was stored under the first', async () => {
  const keystore = new pg.Client({ connectionString: urlAs(stack.postgresUrl, stack.keystore) });
  await keystore.connect();
  const { rows: wrapped } = await keystore.query<WrappedRow>('SELECT tenant_id, id, kind, wrapped FROM wrapped_keys');
  await keystore.end();
  const { rows } = await data.query<{ id: string; title: Buffer }>('SELECT id, title FROM conversations WHERE title IS NOT NULL');
  const opened = (master: Buffer) =>
    rows.map(({ id, title }) => new IndependentDecrypter(master, wrapped).open(`${tenant.tenantUuid}|conversations|title|${id}`, title));
  expect(opened(second)).toEqual(['"Title of ada"']);
  expect(opened(first)).toEqual([undefined]);
});

test('a version that is retired while content needs it closes that content, and the lists go on', async () => {
  const { tenantUuid: tenantId } = tenant;
  const ring = other.app.get(KeyRing);
  const { rows } = await data.query<{ key: Buffer; id: string; title: Buffer }>(
    'SELECT id, title, substring(title FROM 2 FOR 16) AS key FROM conversations WHERE title IS NOT NULL',
  );
  const row = rows[0] as (typeof rows)[number];
  const version = row.key.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  await other.app.get(KeyRotation).visitors(tenantId);
  expect(await other.app.get(KeyCare).retireAnyway(tenantId, version)).toBe(true);
  const place: Place = { tenantId, table: 'conversations', column: 'title', rowId: row.id };
  await expect(ring.open(place, row.title)).rejects.toThrow(KeyRetired);
  await expect(ring.open(place, row.title)).rejects.toThrow(CannotDecrypt);
  for (const url of [stack.url, other.url]) {
    const all = await caller(url)('GET', '/v1/conversations', { token: tenant.accessToken });
    expect([all.status, JSON.stringify(all.body).includes('Title of ada')]).toEqual([200, false]);
    const { status, body } = await said(url, 'ada');
    expect([status, (body.data as { parts: unknown[] }[]).map(({ parts }) => parts)]).toEqual([200, [[], []]]);
  }
  const { problems } = await other.app.get(KeyCare).verify({ tenantId, all: true });
  expect(problems.filter((problem) => problem.includes(version) && problem.includes('retired')).length).toBeGreaterThan(0);
});

test('P7: an erasure that meets a rotation takes the version that the rotation adds, too', async () => {
  const { tenantUuid: tenantId } = tenant;
  const [keystore, ring, visitorId] = [stack.app.get(Keystore), stack.app.get(KeyRing), newUuid()];
  const { id } = await ring.visitorKey(tenantId, visitorId);
  let erased: Promise<void> | undefined;
  await keystore.forTenant(tenantId, async (tx) => {
    const next = { id: newUuid(), wrapped: randomBytes(61), wrappedBy: undefined };
    expect(await supersede(tx, tenantId, { id, kind: 'visitor', subjectId: visitorId }, next)).toBe(true);
    erased = ring.eraseVisitorKey(tenantId, visitorId);
    await vi.waitFor(async () => {
      const { rows } = await data.query(`SELECT 1 FROM pg_stat_activity WHERE datname = $1 AND wait_event_type = 'Lock'`, [stack.keystore]);
      expect(rows).toHaveLength(1);
    });
  });
  await erased;
  expect(await keystore.findBySubject(tenantId, 'visitor', visitorId)).toEqual([]);
});

test('every sealed column is described by its owner', async () => {
  const { rows } = await data.query<{ name: string }>(
    `SELECT table_name || '.' || column_name AS name FROM information_schema.columns WHERE table_schema = 'public' AND data_type = 'bytea'
     AND column_name !~ '(_hash|_digest|_key)$' ORDER BY 1`,
  );
  expect(sealedColumns().map(({ table, column }) => `${table}.${column}`)).toEqual(rows.map(({ name }) => name));
});
