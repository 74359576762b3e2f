import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { publicId, uuidOf } from '../../../kernel/ids.ts';
import { urlAs } from '../../../../test/support/services.ts';
import { scripted, send } from '../../../../test/support/event-stream.ts';
import { type TestStack, testStack, type TestTenant } from '../../../../test/support/stack.ts';
import { RetentionSweep, type Swept } from '../index.ts';

let stack: TestStack;
let sweep: RetentionSweep;
/** As superuser: what is looked at and prepared must not go by the product's own rules. */
let data: pg.Client;
const none: Swept = { conversations: 0, turns: 0, calls: 0, counters: 0, audit: 0 };
const forEver = { messages: null, conversations: null, usage: null, audit: null };

beforeAll(async () => {
  stack = await testStack({ env: { DRAIN_TIMEOUT_MS: '100', CHAT_MESSAGES_PER_MINUTE: '10000' } });
  sweep = stack.app.get(RetentionSweep);
  data = new pg.Client({ connectionString: urlAs(stack.postgresUrl, stack.database) });
  await data.connect();
});
afterAll(async () => {
  await data.end();
  await stack.close();
});

/** So many days from now. */
const inDays = (days: number) => new Date(Date.now() + days * 86_400_000);
const say = async (tenant: TestTenant, conversation: string, text = 'Hello') =>
  (await send(stack.url, tenant, { conversation, text: scripted({ tokens: 2 }, text) })).finished();
async function put(tenant: TestTenant, path: string, body: object): Promise<void> {
  expect(await stack.request('PUT', path, { token: tenant.accessToken, body })).toMatchObject({ status: 200 });
}
async function hold(tenant: TestTenant, body: object): Promise<string> {
  const placed = await stack.request('POST', '/v1/privacy/holds', { token: tenant.accessToken, body: { reason_code: 'case-7', ...body } });
  expect(placed).toMatchObject({ status: 201, body: { in_force: true, reason_code: 'case-7' } });
  return placed.body.id as string;
}
const lift = (tenant: TestTenant, id: string) => stack.request('DELETE', `/v1/privacy/holds/${id}`, { token: tenant.accessToken });

async function rowsOf(
  tenant: TestTenant,
): Promise<{ conversations: number; turns: number; messages: number; calls: number; counters: number }> {
  const counts = ['conversations', 'turns', 'messages', 'provider_calls', 'usage_counters'].map(
    (table) =>
      `(SELECT count(*)::int FROM ${table} WHERE tenant_id = $1) AS ${{ provider_calls: 'calls', usage_counters: 'counters' }[table] ?? table}`,
  );
  return (await data.query(`SELECT ${counts.join(', ')}`, [tenant.tenantUuid])).rows[0];
}

async function conversationsOf(tenant: TestTenant): Promise<{ id: string; visitor: string }[]> {
  const sql = 'SELECT id, visitor_id AS visitor FROM conversations WHERE tenant_id = $1 ORDER BY id';
  return (await data.query(sql, [tenant.tenantUuid])).rows;
}

/** Copies of a conversation's turn with its messages, made and finished 50 days ago. */
async function age(tenant: TestTenant, conversation: string, copies: number): Promise<void> {
  await data.query(
    `WITH made AS (SELECT n, uuidv7(interval '-50 days') AS turn FROM generate_series(1, $3::int) n),
       turn AS (INSERT INTO turns SELECT (jsonb_populate_record(NULL::turns, to_jsonb(t) || jsonb_build_object('id', made.turn, 'turn_key',
           '\\x' || encode(sha256(int4send(made.n)), 'hex'), 'finished_at', now() - interval '50 days'))).*
         FROM made, LATERAL (SELECT * FROM turns WHERE tenant_id = $1 AND conversation_id = $2 AND finished_at IS NOT NULL ORDER BY id DESC LIMIT 1) t)
     INSERT INTO messages SELECT (jsonb_populate_record(NULL::messages, to_jsonb(m) || jsonb_build_object('id', uuidv7(interval '-50 days'), 'turn_id', made.turn,
         'position', 1000 + made.n))).*
       FROM made, LATERAL (SELECT * FROM messages WHERE tenant_id = $1 AND conversation_id = $2 ORDER BY id LIMIT 1) m`,
    [tenant.tenantUuid, conversation, copies],
  );
}

test('each kind goes when its time is over, and not before; another tenant keeps everything', async () => {
  const [mine, theirs] = [await stack.tenant(), await stack.tenant()];
  for (const tenant of [mine, theirs]) for (const name of ['one', 'two']) await say(tenant, name);
  const before = await rowsOf(mine);
  expect(before).toMatchObject({ conversations: 2, turns: 2, messages: 4, calls: 2 });

  await put(mine, '/v1/privacy/retention', { ...forEver, messages: 30 });
  expect(await sweep.sweep(mine.tenantUuid, inDays(29))).toEqual(none);
  expect(await rowsOf(mine)).toEqual(before);
  expect(await sweep.sweep(mine.tenantUuid, inDays(31))).toEqual({ ...none, turns: 2 });
  expect(await rowsOf(mine)).toEqual({ ...before, turns: 0, messages: 0 });
  // The conversation goes on as a new one would.
  expect((await say(mine, 'one')).done).toBe(true);

  await put(mine, '/v1/privacy/retention', { ...forEver, conversations: 60 });
  expect(await sweep.sweep(mine.tenantUuid, inDays(59))).toEqual(none);
  expect(await sweep.sweep(mine.tenantUuid, inDays(61))).toEqual({ ...none, conversations: 2 });
  expect(await rowsOf(mine)).toMatchObject({ conversations: 0, turns: 0, messages: 0, calls: 3 });

  await put(mine, '/v1/privacy/retention', { ...forEver, usage: 5 });
  expect(await sweep.sweep(mine.tenantUuid, inDays(4))).toEqual(none);
  // Counters of the month and the one before it stay: quotas go by them.
  expect(await sweep.sweep(mine.tenantUuid, inDays(6))).toEqual({ ...none, calls: 3 });
  expect((await rowsOf(mine)).counters).toBe(before.counters);
  expect((await sweep.sweep(mine.tenantUuid, inDays(90))).counters).toBe(before.counters);

  expect(await sweep.sweep(theirs.tenantUuid, inDays(10_000))).toEqual(none);
  expect(await rowsOf(theirs)).toMatchObject({ conversations: 2, turns: 2, messages: 4, calls: 2, counters: before.counters });
});

test('the oldest audit entries go, what was deleted is told in new ones, and the rest stays for 30 days at least', async () => {
  const mine = await stack.tenant();
  await data.query(`UPDATE audit_events SET at = now() - interval '100 days' WHERE tenant_id = $1 AND seq <= 2`, [mine.tenantUuid]);
  await put(mine, '/v1/privacy/retention', { ...forEver, audit: 60 });
  const id = await hold(mine, { kind: 'bot', object_id: mine.botId });
  // A chain can only be cut at its end: any hold keeps all of it.
  expect(await sweep.sweep(mine.tenantUuid)).toEqual(none);
  await lift(mine, id);
  expect(await sweep.sweep(mine.tenantUuid, inDays(10_000))).toEqual({ ...none, audit: 2 });
  const { body } = await stack.request('GET', '/v1/audit?limit=100', { token: mine.accessToken });
  expect((body.data as { action: string; detail: object }[]).find(({ action }) => action === 'retention.run')?.detail).toEqual({
    ...none,
    audit: 2,
  });
  const short = await stack.request('PUT', '/v1/privacy/retention', { token: mine.accessToken, body: { ...forEver, audit: 29 } });
  expect(short.status).toBe(400);
});

test('a bot keeps things for a shorter time than its tenant, never for a longer one', async () => {
  const mine = await stack.tenant();
  const other = await stack.request('POST', '/v1/bots', { token: mine.accessToken, body: { name: 'Other', instructions: 'Be brief.' } });
  const second = { ...mine, botId: other.body.id as string };
  await say(mine, 'long');
  await say(second, 'short');
  await put(mine, '/v1/privacy/retention', { ...forEver, messages: 100 });
  await put(mine, `/v1/bots/${second.botId}/retention`, { messages: 10, conversations: null, usage: null });
  await put(mine, `/v1/bots/${mine.botId}/retention`, { messages: 1_000, conversations: null, usage: null });
  const shown = await stack.request('GET', `/v1/bots/${mine.botId}/retention`, { token: mine.accessToken });
  expect(shown.body).toMatchObject({ messages: 1_000, in_force: { messages: 100, conversations: null, usage: null } });
  expect(await sweep.sweep(mine.tenantUuid, inDays(11))).toEqual({ ...none, turns: 1 });
  expect(await sweep.sweep(mine.tenantUuid, inDays(101))).toEqual({ ...none, turns: 1 });
});

test('a conversation whose answer is not finished is left alone', async () => {
  const mine = await stack.tenant();
  await say(mine, 'busy');
  await say(mine, 'idle');
  const running = await send(stack.url, mine, { conversation: 'busy', text: scripted({ tokens: 9, stall_after_tokens: 1 }) });
  await put(mine, '/v1/privacy/retention', { ...forEver, messages: 1, conversations: 1 });
  expect(await sweep.sweep(mine.tenantUuid, inDays(10))).toEqual({ ...none, conversations: 1 });
  expect(await rowsOf(mine)).toMatchObject({ conversations: 1, turns: 2 });
  await running.response.body?.cancel().catch(() => undefined);
});

test.each(['tenant', 'bot', 'visitor', 'conversation'] as const)(
  'a hold on the %s keeps what it covers, until it ends or is lifted',
  async (kind) => {
    const [mine, neighbour] = [await stack.tenant(), await stack.tenant()];
    await say(mine, 'held');
    const [held] = await conversationsOf(mine);
    const { data: listed } = (await stack.request('GET', '/v1/conversations', { token: mine.accessToken })).body;
    const objects = {
      tenant: undefined,
      bot: mine.botId,
      visitor: publicId('visitor', held?.visitor ?? ''),
      conversation: listed[0].id as string,
    };
    await put(mine, '/v1/privacy/retention', { ...forEver, messages: 1, conversations: 1, usage: 1 });
    const id = await hold(mine, { kind, ...(objects[kind] === undefined ? {} : { object_id: objects[kind] }) });
    expect(await sweep.sweep(mine.tenantUuid, inDays(40))).toEqual(none);
    const deletion = await stack.request('DELETE', `/v1/conversations/${listed[0].id as string}`, { token: mine.accessToken });
    expect(deletion).toMatchObject({ status: 409, body: { code: 'legal_hold' } });
    expect(await stack.request('DELETE', `/v1/bots/${mine.botId}`, { token: mine.accessToken })).toMatchObject({
      status: 409,
      body: { code: 'legal_hold' },
    });
    // A neighbour's hold holds nothing here, and is not theirs to lift.
    expect((await lift(neighbour, id)).status).toBe(404);
    expect(await sweep.sweep(mine.tenantUuid, inDays(40))).toEqual(none);
    expect((await lift(mine, id)).status).toBe(204);
    const expiring = await hold(mine, { kind: 'tenant', until: inDays(1).toISOString() });
    expect(await sweep.sweep(mine.tenantUuid, inDays(40))).toEqual(none);
    await data.query(`UPDATE legal_holds SET ends_at = now() - interval '1 second' WHERE id = $1`, [uuidOf('legalHold', expiring)]);
    expect(await sweep.sweep(mine.tenantUuid, inDays(40))).toMatchObject({ conversations: 1, calls: 1 });
    expect(await rowsOf(mine)).toMatchObject({ conversations: 0, turns: 0, messages: 0, calls: 0 });
  },
);

test('sends go on while thousands of rows go, a writer who holds a row and a long reader are not waited for', async () => {
  const mine = await stack.tenant();
  for (const name of ['busy', 'locked', 'big']) await say(mine, name);
  const [busy, locked, big] = await conversationsOf(mine);
  await age(mine, busy?.id ?? '', 600);
  await age(mine, big?.id ?? '', 600);
  await age(mine, locked?.id ?? '', 1);
  await put(mine, '/v1/privacy/retention', { ...forEver, messages: 30 });
  const reader = new pg.Client({ connectionString: urlAs(stack.postgresUrl, stack.database) });
  const writer = new pg.Client({ connectionString: urlAs(stack.postgresUrl, stack.database) });
  await Promise.all([reader.connect(), writer.connect()]);
  try {
    await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ');
    const read = async () =>
      (await reader.query('SELECT count(*)::int AS n FROM messages WHERE tenant_id = $1', [mine.tenantUuid])).rows[0].n;
    const seen = await read();
    await writer.query('BEGIN');
    await writer.query('UPDATE conversations SET updated_at = updated_at WHERE id = $1', [locked?.id]);

    const over = new AbortController();
    const swept = sweep.sweep(mine.tenantUuid).finally(() => over.abort());
    const waits: number[] = [];
    do {
      const since = performance.now();
      // To a conversation of which the sweep deletes old turns right now.
      expect((await say(mine, 'busy')).done).toBe(true);
      waits.push(performance.now() - since);
    } while (!over.signal.aborted);
    const { turns: first } = await swept;
    // Those of the quiet conversation at least; the busy one is passed over while it has an answer under way.
    expect(first).toBeGreaterThanOrEqual(600);
    expect(waits.length).toBeGreaterThan(1);
    expect(Math.max(...waits)).toBeLessThan(1_500);
    expect(await read()).toBe(seen);
    expect((await data.query('SELECT count(*)::int AS n FROM turns WHERE conversation_id = $1', [locked?.id])).rows[0].n).toBe(2);
    await writer.query('COMMIT');
    await reader.query('COMMIT');
    expect(await sweep.sweep(mine.tenantUuid)).toEqual({ ...none, turns: 1_201 - first });
    expect((await rowsOf(mine)).turns).toBe(3 + waits.length);
  } finally {
    await Promise.all([reader.end(), writer.end()]);
  }
});

test('a conversation with more turns than a batch goes over several, and a sweep that is broken off is gone on with', async () => {
  const mine = await stack.tenant();
  await say(mine, 'big');
  const [big] = await conversationsOf(mine);
  await age(mine, big?.id ?? '', 450);
  await put(mine, '/v1/privacy/retention', { ...forEver, conversations: 30 });
  let looks = 0;
  const broken = await sweep.sweep(mine.tenantUuid, inDays(40), () => (looks += 1) <= 1);
  expect(broken).toEqual(none);
  expect(await rowsOf(mine)).toMatchObject({ conversations: 1, turns: 251 });
  const policy = async () => (await stack.request('GET', '/v1/privacy/retention', { token: mine.accessToken })).body;
  expect(await policy()).toMatchObject({ conversations: 30, last_run_at: null });
  expect(await sweep.sweep(mine.tenantUuid, inDays(40))).toEqual({ ...none, conversations: 1 });
  expect(await rowsOf(mine)).toMatchObject({ conversations: 0, turns: 0, messages: 0 });
  expect((await policy()).last_run_at).not.toBeNull();
});
