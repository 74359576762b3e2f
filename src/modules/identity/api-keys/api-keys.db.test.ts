import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { newUuid, publicId, uuidOf } from '../../../kernel/ids.ts';
import { changed, row } from '../../../platform/database/index.ts';
import { testStack } from '../../../../test/support/stack.ts';
import { CredentialChanges } from '../access/credential-changes.ts';
import { ApiKeyLookup } from './api-key-lookup.ts';

interface NewKey {
  id: string;
  key: string;
  expires_at: string | null;
}

let stack: Awaited<ReturnType<typeof testStack>>;
let owner: string;
let tenantId: string;
let stranger: string;

beforeAll(async () => {
  stack = await testStack();
  const body = () => ({ email: `${newUuid()}@example.com`, password: 'correct horse battery', tenant_name: 'Acme' });
  const mine = (await stack.request('POST', '/v1/auth/sign-up', { body: body() })).body as { access_token: string; tenant_id: string };
  const other = (await stack.request('POST', '/v1/auth/sign-up', { body: body() })).body as { access_token: string };
  [owner, stranger, tenantId] = [mine.access_token, other.access_token, uuidOf('tenant', mine.tenant_id) as string];
});
afterAll(() => stack.close());

async function create(body: Record<string, unknown> = {}, token = owner): Promise<NewKey> {
  const answer = await stack.request('POST', '/v1/api-keys', { token, body: { name: 'ci', ...body } });
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return answer.body as NewKey;
}

const me = async (key: string) => (await stack.request('GET', '/v1/me', { token: key })).status;
const roll = (id: string, token = owner, body: unknown = {}) => stack.request('POST', `/v1/api-keys/${id}/roll`, { token, body });

/** Changes a stored key, and lets every replica look again. */
async function alter(id: string, set: string): Promise<void> {
  await stack.db.forTenant(tenantId, (tx) => changed(tx, `UPDATE api_keys SET ${set} WHERE id = $1`, [uuidOf('apiKey', id)]));
  stack.app.get(CredentialChanges).announce(tenantId);
}

test('a new key works, is shown once, and is stored hashed', async () => {
  const made = await create({ mode: 'test' });
  expect(made.key).toMatch(/^sk_test_[0-9A-Za-z]{49}$/);
  const answer = await stack.request('GET', '/v1/me', { token: made.key });
  expect(answer.body).toMatchObject({ kind: 'api_key', api_key_id: made.id, tenant: { name: 'Acme' } });
  expect((answer.body as { permissions: string[] }).permissions).not.toContain('api_key.manage');
  const shown = await stack.request('GET', `/v1/api-keys/${made.id}`, { token: owner });
  expect(shown.body).toMatchObject({
    object: 'api_key',
    id: made.id,
    name: 'ci',
    kind: 'secret',
    mode: 'test',
    hint: `sk_test_…${made.key.slice(-4)}`,
  });
  expect(JSON.stringify(shown.body)).not.toContain(made.key);
  const stored = await stack.db.forTenant(tenantId, (tx) =>
    row(tx, 'SELECT api_keys::text AS text FROM api_keys WHERE id = $1', [uuidOf('apiKey', made.id)]),
  );
  expect(JSON.stringify(stored)).not.toContain(made.key.slice(8, 40));
});

test('use is noted', async () => {
  const made = await create();
  await me(made.key);
  await expect
    .poll(
      async () =>
        ((await stack.request('GET', `/v1/api-keys/${made.id}`, { token: owner })).body as { last_used_at: string | null }).last_used_at,
    )
    .not.toBeNull();
});

test('keys are listed newest first, page by page', async () => {
  const made = [await create(), await create(), await create()].map(({ id }) => id).reverse();
  const first = (await stack.request('GET', '/v1/api-keys?limit=2', { token: owner })).body as {
    data: { id: string }[];
    has_more: boolean;
    next_cursor: string;
  };
  expect(first.data.map(({ id }) => id)).toEqual(made.slice(0, 2));
  expect(first.has_more).toBe(true);
  const second = (await stack.request('GET', `/v1/api-keys?limit=1&after=${first.next_cursor}`, { token: owner })).body as {
    data: { id: string }[];
  };
  expect(second.data.map(({ id }) => id)).toEqual(made.slice(2));
  expect((await stack.request('GET', '/v1/api-keys?after=bot_x', { token: owner })).status).toBe(400);
});

test('another tenant neither sees, rolls nor revokes a key, and cannot tell it from a missing one', async () => {
  const made = await create();
  for (const [method, path] of [
    ['GET', ''],
    ['DELETE', ''],
    ['POST', '/roll'],
  ] as const) {
    const ask = (id: string) =>
      stack.request(method, `/v1/api-keys/${id}${path}`, { token: stranger, ...(method === 'POST' ? { body: {} } : {}) });
    for (const id of [made.id, publicId('apiKey', newUuid()), 'nonsense']) {
      const answer = await ask(id);
      expect([answer.status, (answer.body as { code: string; detail: string }).detail]).toEqual([404, 'There is no such API key.']);
    }
  }
  expect((await stack.request('GET', '/v1/api-keys', { token: stranger })).body).toMatchObject({ data: [] });
  expect(await me(made.key)).toBe(200);
});

test('a revoked key is dead at once and gone from view', async () => {
  const made = await create();
  expect(await me(made.key)).toBe(200);
  expect((await stack.request('DELETE', `/v1/api-keys/${made.id}`, { token: owner })).status).toBe(204);
  expect(await me(made.key)).toBe(401);
  expect((await stack.request('DELETE', `/v1/api-keys/${made.id}`, { token: owner })).status).toBe(404);
  expect((await stack.request('GET', `/v1/api-keys/${made.id}`, { token: owner })).status).toBe(404);
});

test('an expired key is dead, and none is made that has expired already', async () => {
  const made = await create({ expires_at: new Date(Date.now() + 60_000).toISOString() });
  expect(await me(made.key)).toBe(200);
  await alter(made.id, `expires_at = now() - interval '1 second'`);
  expect(await me(made.key)).toBe(401);
  const past = await stack.request('POST', '/v1/api-keys', { token: owner, body: { name: 'late', expires_at: '2020-01-01T00:00:00Z' } });
  expect(past.status).toBe(400);
});

test('a rolled key and its successor both work during the overlap, then only the successor', async () => {
  const old = await create({ scopes: ['bot.read'] });
  const answer = await roll(old.id, owner, { overlap_seconds: 60 });
  expect(answer.status).toBe(201);
  const successor = answer.body as NewKey;
  expect(answer.body).toMatchObject({ name: 'ci', scopes: ['bot.read'], expires_at: null });
  expect([await me(old.key), await me(successor.key)]).toEqual([200, 200]);
  const shown = (await stack.request('GET', `/v1/api-keys/${old.id}`, { token: owner })).body as {
    successor_id: string;
    expires_at: string;
  };
  expect(shown.successor_id).toBe(successor.id);
  expect(Date.parse(shown.expires_at) - Date.now()).toBeLessThan(61_000);
  expect((await roll(old.id)).body).toMatchObject({ status: 409, code: 'api_key_already_rolled' });
  await alter(old.id, `expires_at = now() - interval '1 second'`);
  expect([await me(old.key), await me(successor.key)]).toEqual([401, 200]);
});

test('at most one key lives on beside its successor, however often it is rolled', async () => {
  const chain = [await create()];
  for (let times = 0; times < 4; times += 1) {
    const answer = await roll(chain.at(-1)?.id ?? '', owner, { overlap_seconds: 600 });
    expect(answer.status).toBe(201);
    chain.push(answer.body as NewKey);
    expect(await Promise.all(chain.map(({ key }) => me(key)))).toEqual(chain.map((_, at) => (at < chain.length - 2 ? 401 : 200)));
  }
});

test('after a lost answer the key that nobody has is rolled, and the one that all use goes on for the overlap', async () => {
  const inUse = await create();
  expect(await me(inUse.key)).toBe(200);
  const lost = (await roll(inUse.id, owner, { overlap_seconds: 600 })).body as NewKey;
  const answer = await roll(lost.id, owner, { overlap_seconds: 60 });
  expect(answer.status).toBe(201);
  const successor = answer.body as NewKey;
  expect(successor.expires_at).toBeNull();
  const shown = (await stack.request('GET', `/v1/api-keys/${inUse.id}`, { token: owner })).body as {
    successor_id: string;
    expires_at: string;
  };
  expect(shown.successor_id).toBe(successor.id);
  expect(Date.parse(shown.expires_at) - Date.now()).toBeLessThan(61_000);
  expect([await me(inUse.key), await me(lost.key), await me(successor.key)]).toEqual([200, 401, 200]);
  // The successor is in use: from here on rolling it ends the one that it has replaced.
  const third = (await roll(successor.id, owner, { overlap_seconds: 600 })).body as NewKey;
  expect([await me(inUse.key), await me(successor.key), await me(third.key)]).toEqual([401, 200, 200]);
});

test('the first use of a key is noted before it is answered', async () => {
  const made = await create();
  const lookup = stack.app.get(ApiKeyLookup);
  const noteLater = vi.spyOn(lookup as unknown as { noteUse: () => void }, 'noteUse').mockReturnValue();
  expect(await me(made.key)).toBe(200);
  noteLater.mockRestore();
  const shown = (await stack.request('GET', `/v1/api-keys/${made.id}`, { token: owner })).body as { last_used_at: string | null };
  expect(shown.last_used_at).not.toBeNull();
});

test('of parallel rolls one wins; without overlap the old key dies at once', async () => {
  const old = await create();
  expect(await me(old.key)).toBe(200);
  const answers = await Promise.all(Array.from({ length: 4 }, () => roll(old.id, owner, { overlap_seconds: 0 })));
  expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409]);
  expect(await me(old.key)).toBe(401);
});

test('nobody comes by more than they have: not by making a key, not by rolling one', async () => {
  const mighty = await create();
  const small = await create({ scopes: ['api_key.manage', 'api_key.read', 'bot.read'] });
  const asked = await stack.request('POST', '/v1/api-keys', { token: small.key, body: { name: 'x', scopes: ['bot.delete'] } });
  expect([asked.status, asked.body]).toMatchObject([403, { code: 'scope_not_permitted' }]);
  expect((await roll(mighty.id, small.key)).status).toBe(403);
  expect(await me(mighty.key)).toBe(200);
  const byDefault = await create({}, small.key);
  expect((byDefault as unknown as { scopes: string[] }).scopes).toEqual(['api_key.read', 'bot.read']);
  const reader = await create({ scopes: ['api_key.read'] });
  expect((await stack.request('POST', '/v1/api-keys', { token: reader.key, body: { name: 'x' } })).status).toBe(403);
});

test('a publishable key does one thing, and belongs to a bot of this tenant or to none', async () => {
  const made = await create({ kind: 'publishable' });
  expect(made.key).toMatch(/^pk_live_/);
  expect((await stack.request('GET', '/v1/me', { token: made.key })).body).toMatchObject({ permissions: ['chat.ticket'] });
  expect((await stack.request('GET', '/v1/api-keys', { token: made.key })).status).toBe(403);
  for (const botId of [publicId('bot', newUuid()), 'nonsense']) {
    const answer = await stack.request('POST', '/v1/api-keys', { token: owner, body: { name: 'x', kind: 'publishable', bot_id: botId } });
    expect(answer.status).toBe(404);
  }
});

test('a well-formed key that nobody made is refused', async () => {
  const made = await create();
  await stack.db.forTenant(tenantId, (tx) => changed(tx, 'DELETE FROM api_keys WHERE id = $1', [uuidOf('apiKey', made.id)]));
  expect(await me(made.key)).toBe(401);
});
