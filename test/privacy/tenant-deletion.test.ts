import { randomBytes, randomUUID } from 'node:crypto';
import { compactVerify, createLocalJWKSet } from 'jose';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DeleteTenantJob } from '../../src/modules/privacy/rights/delete-tenant.job.ts';
import { ForgetAgain } from '../../src/modules/privacy/rights/forget-again.job.ts';
import { sealedColumns } from '../../src/platform/crypto/sealed-columns.ts';
import { openChat } from '../support/chat-client.ts';
import { IndependentDecrypter, type WrappedRow } from '../support/independent-decrypter.ts';
import { findTexts } from '../support/marker-search.ts';
import { urlAs } from '../support/services.ts';
import { type Answer, type TestStack, type TestTenant, testStack } from '../support/stack.ts';
import { redisKeysAndValues, tableCopies } from '../support/stored-places.ts';

let stack: TestStack;
let data: pg.Client;
let keystore: pg.Client;
const logLines: string[] = [];

beforeAll(async () => {
  stack = await testStack({ onLog: (line) => logLines.push(line), env: { DRAIN_TIMEOUT_MS: '100' } });
  [data, keystore] = [stack.database, stack.keystore].map(
    (name) => new pg.Client({ connectionString: urlAs(stack.postgresUrl, name) }),
  ) as [pg.Client, pg.Client];
  await Promise.all([data.connect(), keystore.connect()]);
});
afterAll(async () => {
  await Promise.all([data.end(), keystore.end()]);
  await stack.close();
});

const ok = async (answer: Promise<Answer>, status = 200): Promise<any> => {
  const got = await answer;
  expect(got.status, JSON.stringify(got.body)).toBe(status);
  return got.body;
};
const script = (value: unknown) => `[[demo: ${JSON.stringify(value)}]]`;

/** A tenant in use, everything of which carries a mark. */
async function used(mark: string): Promise<TestTenant> {
  const tenant = await stack.tenant({ instructions: `${mark} instructions` });
  const call = (method: string, path: string, body: unknown, status: number) =>
    ok(stack.request(method, path, { token: tenant.accessToken, body }), status);
  for (const visitor of [`${mark}-ada`, `${mark}-bob`]) {
    const messages = [
      { id: randomUUID(), role: 'user', parts: [{ type: 'text', text: `${mark} says ${script({ text: `${mark} told` })}` }] },
    ];
    await call('POST', '/v1/chat', { id: 'c', bot_id: tenant.botId, visitor_id: visitor, messages }, 200);
  }
  await call('POST', '/v1/privacy/anonymize', { text: `${mark}@example.com` }, 200);
  await call('PUT', '/v1/privacy/mode', { mode: null }, 200);
  return tenant;
}

/** Every sealed value of a tenant, with its place. */
async function sealedOf(tenantUuid: string): Promise<{ place: string; stored: Buffer }[]> {
  const all: { place: string; stored: Buffer }[] = [];
  for (const { table, column, rowId, platformVersion } of sealedColumns()) {
    if (platformVersion !== undefined) continue;
    const sql = `SELECT tenant_id || '|${table}|${column}|' || ${rowId} AS place, ${column} AS stored FROM ${table} WHERE tenant_id = $1 AND ${column} IS NOT NULL`;
    all.push(...(await data.query(sql, [tenantUuid])).rows);
  }
  return all;
}

/** How many of the values open with the master key and the keystore as it is now. */
async function opening(values: { place: string; stored: Buffer }[]): Promise<number> {
  const keys = (await keystore.query<WrappedRow>('SELECT tenant_id, id, kind, wrapped FROM wrapped_keys')).rows;
  const decrypter = new IndependentDecrypter(Buffer.from(stack.env['PARLEY_MASTER_KEY'] as string, 'base64'), keys);
  return values.filter(({ place, stored }) => decrypter.open(place, stored) !== undefined).length;
}

/** Tables and keys of Redis in which an id stands. */
async function placesWith(id: string): Promise<string[]> {
  const places = [...(await tableCopies(data)), ...(await tableCopies(keystore)), ...(await redisKeysAndValues(stack.redis))];
  const found = places.filter(([name, bytes]) => !name.endsWith('as binary') && bytes.includes(id));
  return [...new Set(found.map(([name]) => name.replace(/^table test_(keys_)?\w+?\.(\w+) as text$/, '$2')))].toSorted();
}

test('P7: a deleted tenant is gone as a whole, opens for nobody from a dump before, and its owner can prove it; its neighbour stays', async () => {
  const [mark, other] = [0, 1].map(() => `q${randomBytes(8).toString('hex')}`) as [string, string];
  const [tenant, neighbour] = [await used(mark), await used(other)];
  const body = { confirm: tenant.tenantId };
  const wish = (token: string, sent: object = body) => stack.request('POST', '/v1/privacy/tenant-deletions', { token, body: sent });
  expect(await wish(tenant.accessToken, { confirm: neighbour.tenantId })).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
  expect(await wish(tenant.apiKey)).toMatchObject({ status: 403 });
  const hold = await ok(
    stack.request('POST', '/v1/privacy/holds', {
      token: tenant.accessToken,
      body: { kind: 'bot', object_id: tenant.botId, reason_code: 'x' },
    }),
    201,
  );
  expect(await wish(tenant.accessToken)).toMatchObject({ status: 409, body: { code: 'legal_hold' } });
  await ok(stack.request('DELETE', `/v1/privacy/holds/${hold.id}`, { token: tenant.accessToken }), 204);

  const socket = await openChat(`${stack.wsUrl}?bot_id=${tenant.botId}&visitor_id=${mark}-ada`, { credential: tenant.apiKey });
  const running = socket.ask('running', `${mark} ${script({ text: 'slow '.repeat(9), stall_after_tokens: 4 })}`);
  await socket.shows(running, 4);
  const [dump, kept] = [await sealedOf(tenant.tenantUuid), await sealedOf(neighbour.tenantUuid)];
  expect(dump.length).toBeGreaterThan(10);
  expect([await opening(dump), await opening(kept)]).toEqual([dump.length, kept.length]);
  expect(await placesWith(tenant.tenantUuid)).toEqual(expect.arrayContaining(['bots', 'memberships', 'messages', 'turns', 'visitors']));

  const asked = await ok(wish(tenant.accessToken), 202);
  expect(asked).toMatchObject({ tenant_id: tenant.tenantId, state: 'running', receipt: null });
  expect((await socket.closed).code).toBe(4401);
  for (const token of [tenant.accessToken, tenant.apiKey])
    expect(await stack.request('GET', '/v1/me', { token })).toMatchObject({ status: 401 });
  const late = { token: tenant.accessToken, body: { kind: 'tenant', reason_code: 'late' } };
  expect([401, 422]).toContain((await stack.request('POST', '/v1/privacy/holds', late)).status);
  const { pathname, search } = new URL(asked.status_url);
  const status = () => ok(stack.request('GET', pathname + search));
  await expect.poll(async () => (await status()).state, { timeout: 20_000 }).toBe('done');
  for (const link of [
    pathname,
    `${pathname}?receipt_token=${'A'.repeat(43)}`,
    `${pathname.replace(tenant.tenantId, neighbour.tenantId)}${search}`,
  ])
    expect([400, 404]).toContain((await stack.request('GET', link)).status);

  const { keys } = (await stack.request('GET', '/.well-known/jwks.json')).body;
  const { payload, protectedHeader } = await compactVerify((await status()).receipt, createLocalJWKSet({ keys }));
  expect(protectedHeader.typ).toBe('parley-erasure-receipt+jws');
  const deleted = { tenants: 1, visitors: 2, conversations: 3, memberships: 1, users: 1 };
  expect(JSON.parse(Buffer.from(payload).toString())).toMatchObject({ tenant: tenant.tenantId, subject: { kind: 'tenant' }, deleted });

  expect([await opening(dump), await opening(kept)]).toEqual([0, kept.length]);
  const left = ['audit_events', 'audit_heads', 'key_changes', 'tombstones'];
  await expect.poll(() => placesWith(tenant.tenantUuid), { timeout: 10_000 }).toEqual(left);
  const stored = [await tableCopies(data), await tableCopies(keystore), await redisKeysAndValues(stack.redis)].flat();
  expect(findTexts([mark], [...stored, ['log', Buffer.from(logLines.join('\n'))]])).toEqual([]);
  expect((await stack.request('POST', '/v1/auth/sign-in', { body: { email: tenant.email, password: tenant.password } })).status).toBe(401);
  const read = await ok(stack.request('GET', `/v1/conversations?visitor_id=${other}-ada`, { token: neighbour.accessToken }));
  expect(read.data).toHaveLength(1);

  // Its rows are back with a backup: they go again. Nobody waits for a receipt that was not reached.
  await data.query(`INSERT INTO tenants (id, name) VALUES ($1, 'Back')`, [tenant.tenantUuid]);
  await keystore.query('UPDATE tombstones SET receipt = NULL');
  await stack.app.get(ForgetAgain, { strict: false }).handle();
  expect(await placesWith(tenant.tenantUuid)).toEqual(left);
  expect((await status()).state).toBe('done');
  // What is left of it goes once nobody can dispute it any more.
  await data.query(`UPDATE audit_events SET at = now() - interval '91 days' WHERE tenant_id = $1`, [tenant.tenantUuid]);
  await stack.app.get(DeleteTenantJob, { strict: false }).closeBooks({ tenantId: tenant.tenantUuid, erasedAt: new Date(0) });
  expect(await placesWith(tenant.tenantUuid)).not.toContain('audit_events');
}, 60_000);
