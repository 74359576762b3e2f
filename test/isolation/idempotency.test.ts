import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KeyRing } from '../../src/platform/crypto/index.ts';
import { problemFaults } from '../support/problem-check.ts';
import { urlAs } from '../support/services.ts';
import { type Answer, type TestStack, type TestTenant, testStack } from '../support/stack.ts';

let stack: TestStack;
let mine: TestTenant;
let theirs: TestTenant;
let superuser: pg.Client;

beforeAll(async () => {
  stack = await testStack();
  [mine, theirs] = [await stack.tenant(), await stack.tenant()];
  superuser = await connect();
});
afterAll(async () => {
  await superuser.end();
  await stack.close();
});

async function connect(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: urlAs(stack.postgresUrl, stack.database) });
  await client.connect();
  return client;
}

/** Creates a bot under an idempotency key. */
const create = (key: string, body: unknown = { name: 'once' }, tenant = mine, path = '/v1/bots') =>
  stack.request('POST', path, { token: tenant.accessToken, headers: { 'idempotency-key': key }, body });

const replayed = (answer: Answer) => answer.headers.get('idempotent-replayed') === 'true';

/** How many bots of that name there are. */
async function botsNamed(name: string): Promise<number> {
  const { rows } = await superuser.query<{ count: number }>('SELECT count(*)::int FROM bots WHERE name = $1', [name]);
  return rows[0]?.count ?? 0;
}

/** The newest row of the idempotency keys. */
async function newestKey(): Promise<
  { id: string; tenant_id: string; status: number | null; response: Buffer | null } & Record<string, unknown>
> {
  const { rows } = await superuser.query('SELECT * FROM idempotency_keys ORDER BY created_at DESC, id DESC LIMIT 1');
  return rows[0];
}

test('P2: the first answer is replayed, with a header that says so, and nothing is done twice', async () => {
  const [key, name] = [randomUUID(), `once ${randomUUID()}`];
  const first = await create(key, { name });
  expect(first.status).toBe(201);
  expect(replayed(first)).toBe(false);
  for (let again = 0; again < 3; again += 1) {
    const second = await create(key, { name });
    expect(second.status).toBe(201);
    expect(replayed(second)).toBe(true);
    expect(second.body).toEqual(first.body);
  }
  expect(await botsNamed(name)).toBe(1);
});

test('P2: many at once make one thing; each gets its answer or is told to wait', async () => {
  const [key, name] = [randomUUID(), `race ${randomUUID()}`];
  const answers = await Promise.all(Array.from({ length: 12 }, () => create(key, { name })));
  expect(await botsNamed(name)).toBe(1);
  expect(answers.filter((answer) => answer.status === 201 && !replayed(answer))).toHaveLength(1);
  expect(answers.filter(({ status }) => status !== 201 && status !== 409)).toEqual([]);
});

test('another body under the same key is a 422 and changes nothing', async () => {
  const [key, name] = [randomUUID(), `other ${randomUUID()}`];
  const first = await create(key, { name });
  const other = await create(key, { name, instructions: 'another' });
  expect(other.status).toBe(422);
  expect(other.body.code).toBe('idempotency_key_reused');
  expect(other.headers.get('x-should-retry')).toBe('false');
  expect(await botsNamed(name)).toBe(1);
  expect((await create(key, { name })).body).toEqual(first.body);
});

test('while the first request runs, the second is a 409 that says when to come back', async () => {
  const [key, name] = [randomUUID(), `slow ${randomUUID()}`];
  const blocker = await connect();
  await blocker.query('BEGIN; LOCK TABLE bots IN ACCESS EXCLUSIVE MODE');
  const first = create(key, { name });
  try {
    await expect.poll(async () => (await newestKey())?.status).toBeNull();
    const second = await create(key, { name });
    expect(second.status).toBe(409);
    expect(second.body.code).toBe('idempotency_in_progress');
    expect(second.headers.get('retry-after')).toBe('1');
    expect((await create(key, { name: 'another body' })).status).toBe(422);
  } finally {
    await blocker.query('ROLLBACK');
    await blocker.end();
  }
  expect((await first).status).toBe(201);
  expect(replayed(await create(key, { name }))).toBe(true);
  expect(await botsNamed(name)).toBe(1);
});

test('P10: a key whose replica died in the middle is free again once its lock has run out', async () => {
  const [key, name] = [randomUUID(), `orphan ${randomUUID()}`];
  await create(key, { name });
  const { id } = await newestKey();
  await superuser.query(
    "UPDATE idempotency_keys SET status = NULL, response = NULL, locked_until = now() + interval '1 minute' WHERE id = $1",
    [id],
  );
  expect((await create(key, { name })).status).toBe(409);
  await superuser.query("UPDATE idempotency_keys SET locked_until = now() - interval '1 millisecond' WHERE id = $1", [id]);
  const taken = await create(key, { name });
  expect([taken.status, replayed(taken)]).toEqual([201, false]);
});

test('an answer is kept for 24 hours and no longer', async () => {
  const [key, name] = [randomUUID(), `old ${randomUUID()}`];
  const first = await create(key, { name });
  const { id } = await newestKey();
  const { rows } = await superuser.query(
    "SELECT expires_at - created_at = interval '24 hours' AS day FROM idempotency_keys WHERE id = $1",
    [id],
  );
  expect(rows).toEqual([{ day: true }]);
  const age = (rest: string) => superuser.query('UPDATE idempotency_keys SET expires_at = now() + $2::interval WHERE id = $1', [id, rest]);
  await age('5 seconds');
  expect(replayed(await create(key, { name }))).toBe(true);
  await age('-1 milliseconds');
  const anew = await create(key, { name, instructions: 'another body is fine now' });
  expect([anew.status, replayed(anew)]).toEqual([201, false]);
  expect(anew.body.id).not.toBe(first.body.id);
});

test('P7: what is stored is sealed: neither key, body nor answer can be read, and it opens in its row only', async () => {
  const [key, secret] = [randomUUID(), `secret-${randomUUID()}`];
  const first = await create(key, { name: 'sealed', instructions: secret });
  const stored = await newestKey();
  const everything = JSON.stringify(Object.values(stored).map((value) => (Buffer.isBuffer(value) ? value.toString('latin1') : value)));
  for (const clear of [key, secret, first.body.id as string, '/v1/bots', 'instructions']) expect(everything).not.toContain(clear);
  const keyRing = stack.app.get(KeyRing);
  const place = { tenantId: mine.tenantUuid, table: 'idempotency_keys', column: 'response', rowId: stored.id };
  const response = stored.response as Buffer;
  expect(JSON.parse((await keyRing.open(place, response)).toString())).toEqual(first.body);
  await expect(keyRing.open({ ...place, rowId: randomUUID() }, response)).rejects.toThrow('cannot be decrypted');
  await expect(keyRing.open({ ...place, tenantId: theirs.tenantUuid }, response)).rejects.toThrow('cannot be decrypted');
});

test('a refusal that no retry can change is replayed as the same error body', async () => {
  const key = randomUUID();
  const first = await create(key, { name: '' });
  const second = await create(key, { name: '' });
  expect([first.status, second.status]).toEqual([400, 400]);
  expect([replayed(first), replayed(second)]).toEqual([false, true]);
  expect(second.body).toEqual(first.body);
  expect(second.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  // The request id inside is that of the request that was answered.
  const requestId = first.headers.get('x-request-id');
  expect(problemFaults({ status: 400, contentType: second.headers.get('content-type'), requestId, body: second.body as unknown })).toEqual(
    [],
  );
});

test('a failure of ours is not kept: the next try runs', async () => {
  const [key, name] = [randomUUID(), `retry ${randomUUID()}`];
  await superuser.query('ALTER TABLE bots RENAME TO bots_away');
  const failed = await create(key, { name });
  await superuser.query('ALTER TABLE bots_away RENAME TO bots');
  expect(failed.status).toBe(500);
  const second = await create(key, { name });
  expect([second.status, replayed(second)]).toEqual([201, false]);
  expect(await botsNamed(name)).toBe(1);
});

test('P4: the same key of another tenant is another key', async () => {
  const [key, name] = [randomUUID(), `shared ${randomUUID()}`];
  const first = await create(key, { name });
  const foreign = await create(key, { name }, theirs);
  expect([foreign.status, replayed(foreign)]).toEqual([201, false]);
  expect(foreign.body.id).not.toBe(first.body.id);
  expect((await create(key, { name: 'another' }, theirs)).status).toBe(422);
  expect(await botsNamed(name)).toBe(2);
});

test('the same key on another route is another key', async () => {
  const key = randomUUID();
  const bot = await create(key);
  const apiKey = await create(key, { name: 'once' }, mine, '/v1/api-keys');
  expect([apiKey.status, replayed(apiKey)]).toEqual([201, false]);
  expect(apiKey.body.object).toBe('api_key');
  expect(replayed(await create(key))).toBe(true);
  expect((await create(key)).body).toEqual(bot.body);
});

test('a caller whose credential was refused leaves nothing behind', async () => {
  const key = randomUUID();
  const refused = await stack.request('POST', '/v1/bots', { headers: { 'idempotency-key': key }, body: { name: 'x' } });
  expect(refused.status).toBe(401);
  expect((await create(key, { name: 'y' })).status).toBe(201);
});

test.each(['', ' ', 'a b', 'x'.repeat(256), 'schlüssel'])('the key %j is refused', async (key) => {
  expect((await create(key)).status).toBe(400);
});
