import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PlansAdmin } from '../../src/modules/plans/index.ts';
import { verifyAuditExport } from '../../src/modules/privacy/index.ts';
import { makeConversation } from '../support/matrix-target.ts';
import { runParley } from '../support/operators-program.ts';
import { urlAs } from '../support/services.ts';
import { type TestStack, type TestTenant, testStack } from '../support/stack.ts';

let stack: TestStack;
let [tenant, other]: TestTenant[] = [];
let superuser: pg.Client;
let folder: string;

beforeAll(async () => {
  stack = await testStack();
  [tenant, other] = [await stack.tenant(), await stack.tenant()];
  superuser = new pg.Client({ connectionString: urlAs(stack.postgresUrl, stack.database) });
  await superuser.connect();
  folder = await mkdtemp(join(tmpdir(), 'parley-audit-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await superuser.end();
  await stack.close();
});

interface Event {
  id: string;
  action: string;
  actor: { kind: string; id: string | null };
  target: { kind: string; id: string } | null;
  outcome: string;
  origin: { network: string; address_hash: string; request_id: string | null } | null;
  detail: Record<string, unknown> | null;
}

const mine = () => tenant as TestTenant;
const request = (method: string, path: string, body?: unknown, token = mine().accessToken) =>
  stack.request(method, path, { token, ...(body === undefined ? {} : { body }) });
async function events(query = '', of = mine()): Promise<Event[]> {
  const answer = await request('GET', `/v1/audit?limit=100${query}`, undefined, of.accessToken);
  expect(answer.status).toBe(200);
  return answer.body.data as Event[];
}
const actions = async (query = '') =>
  (await events(query)).map(({ action, outcome }) => (outcome === 'done' ? action : `${action}: ${outcome}`));

async function exported(name: string, query = ''): Promise<string> {
  const answer = await fetch(`${stack.url}/v1/audit/export${query}`, { headers: { authorization: `Bearer ${mine().accessToken}` } });
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toBe('application/x-ndjson');
  const file = join(folder, name);
  await writeFile(file, await answer.text());
  return file;
}
const verify = (...args: string[]) => runParley({}, ['audit', 'verify', ...args]);

test('P7: every act leaves its entry, of who, what, where from and what came of it, and none of its content', async () => {
  const marker = 'qzmarkerzq';
  const { botId, userId } = mine();
  await request('PATCH', `/v1/bots/${botId}`, { name: marker, instructions: `${marker} ${marker}` });
  await request('POST', `/v1/bots/${botId}/publish`);
  const conversation = await makeConversation(stack, mine(), marker);
  await request('PATCH', `/v1/conversations/${conversation}`, { title: marker, metadata: { [marker]: marker } });
  await request('DELETE', `/v1/conversations/${conversation}`);
  const key = await request('POST', '/v1/api-keys', { name: marker, kind: 'secret', mode: 'live', scopes: ['bot.read'] });
  const rolled = await request('POST', `/v1/api-keys/${key.body.id}/roll`, {});
  await request('DELETE', `/v1/api-keys/${rolled.body.id}`);
  const credential = await request('POST', '/v1/model-credentials', {
    name: marker,
    kind: 'openai',
    secret: `sk-${marker}`,
    skip_test: true,
  });
  await request('PATCH', `/v1/model-credentials/${credential.body.id}`, { name: `${marker}2` });
  const route = await request('POST', '/v1/model-routes', {
    name: marker,
    targets: [{ model: marker, credential_id: credential.body.id }],
  });
  await request('PATCH', `/v1/model-routes/${route.body.id}`, { after_content_filter: true });
  await request('DELETE', `/v1/model-routes/${route.body.id}`);
  await request('DELETE', `/v1/model-credentials/${credential.body.id}`);
  await stack.app.get(PlansAdmin).assign(mine().tenantUuid, { planId: 'enterprise', overrides: { bots: 5 }, trialEndsAt: null });
  expect((await request('GET', '/v1/bots', undefined, key.body.key)).status).toBe(200);
  expect((await request('POST', '/v1/bots', { name: marker }, key.body.key)).status).toBe(403);
  const body = { email: mine().email, password: `${marker} wrong` };
  expect((await stack.request('POST', '/v1/auth/sign-in', { body })).status).toBe(401);
  const spare = await stack.request('POST', '/v1/auth/sign-in', { body: { email: mine().email, password: mine().password } });
  await stack.request('POST', '/v1/auth/sign-out', { body: { refresh_token: spare.body.refresh_token } });
  await request('DELETE', `/v1/bots/${botId}`);

  const expected = [
    ...[
      'tenant.sign_up',
      'session.sign_in',
      'api_key.create',
      'bot.create',
      'bot.update',
      'bot.publish',
      'conversation.update',
      'conversation.delete',
    ],
    ...['api_key.create', 'api_key.roll', 'api_key.revoke', 'model_credential.create', 'model_credential.update', 'model_route.create'],
    ...[
      'model_route.update',
      'model_route.delete',
      'model_credential.delete',
      'plan.assign',
      'access.refuse: refused',
      'session.sign_in: failed',
    ],
    ...['session.sign_in', 'session.sign_out', 'bot.delete'],
  ];
  await expect.poll(async () => (await actions()).sort()).toEqual(expected.toSorted());
  const all = await events();
  expect(JSON.stringify(all)).not.toContain(marker);
  const updated = all.find(({ action }) => action === 'bot.update');
  expect(updated).toMatchObject({
    actor: { kind: 'user', id: userId },
    target: { kind: 'bot', id: botId },
    outcome: 'done',
    origin: { network: expect.stringMatching(/^(127\.0\.0\.0\/24|::\/48)$/), address_hash: expect.stringMatching(/^[0-9a-f]{32}$/) },
    detail: { fields: ['name', 'instructions'] },
  });
  expect(all.find(({ action }) => action === 'access.refuse')).toMatchObject({
    actor: { kind: 'api_key', id: key.body.id },
    target: { kind: 'permission', id: 'bot.create' },
  });
  expect(all.find(({ action }) => action === 'plan.assign')).toMatchObject({ actor: { kind: 'operator', id: 'cli' }, origin: null });
  // The same address in another tenant has another hash.
  expect((await events('', other))[0]?.origin?.address_hash).not.toBe(updated?.origin?.address_hash);
});

test('an act that is refused or fails leaves no entry of having been done', async () => {
  const before = (await events()).length;
  expect((await request('DELETE', `/v1/bots/${(other as TestTenant).botId}`)).status).toBe(404);
  expect((await request('PATCH', `/v1/bots/${mine().botId}`, { name: 'gone' })).status).toBe(404);
  expect((await events()).length).toBe(before);
});

test('filters and pages show what was asked, of this tenant alone', async () => {
  expect(await actions('&action=bot.update')).toEqual(['bot.update']);
  expect(await actions('&outcome=failed')).toEqual(['session.sign_in: failed']);
  expect(await actions(`&target=${mine().botId}`)).toEqual(['bot.delete', 'bot.publish', 'bot.update', 'bot.create']);
  expect(new Set(await actions(`&actor=cli`))).toEqual(new Set(['plan.assign']));
  expect(await actions('&to=2020-01-01T00:00:00Z')).toEqual([]);
  expect(await actions('&from=2999-01-01T00:00:00Z')).toEqual([]);
  const pages: string[] = [];
  for (let after = ''; ;) {
    const { body } = await request('GET', `/v1/audit?limit=7${after}`);
    pages.push(...(body.data as Event[]).map(({ id }) => id));
    if (!body.has_more) break;
    after = `&after=${body.next_cursor}`;
  }
  expect(pages).toEqual((await events()).map(({ id }) => id));
  expect((await events('', other)).map(({ action }) => action)).toEqual([
    'bot.create',
    'api_key.create',
    'session.sign_in',
    'tenant.sign_up',
  ]);
});

test('an export verifies without a server; the next one holds against it, and what is done to the table in between is named', async () => {
  const jwks = join(folder, 'jwks.json');
  await writeFile(jwks, await (await fetch(`${stack.url}/.well-known/jwks.json`)).text());
  const first = await exported('first.ndjson');
  const trusted = await verify(first, '--jwks', jwks);
  expect(trusted).toMatchObject({ code: 0, stderr: '' });
  expect(trusted.stdout).toMatch(new RegExp(`is whole: \\d+ rows of ${mine().tenantId}, 1 to \\d+, signed by `));
  const rows = Number(/is whole: (\d+) rows/.exec(trusted.stdout)?.[1]);
  const rest = await exported('rest.ndjson', `?after=${rows}`);
  expect((await verify(rest, '--url', stack.url, '--since', first)).stdout).toContain(
    `1 rows of ${mine().tenantId}, ${rows + 1} to ${rows + 1}`,
  );
  expect((await request('GET', `/v1/audit/export?after=${rows + 100}`)).status).toBe(404);

  const values = [mine().tenantUuid];
  const faultOf = async (sql: string) => {
    await superuser.query(sql, values);
    const lines = (await readFile(await exported('tampered.ndjson'), 'utf8')).trimEnd().split('\n');
    return (await verifyAuditExport(Readable.from(lines))).fault;
  };
  const where = 'WHERE tenant_id = $1 AND seq =';
  expect(await faultOf(`UPDATE audit_events SET outcome = 'refused' ${where} 5`)).toMatchObject({ kind: 'changed', row: 5 });
  const { code, stdout, stderr } = await verify(join(folder, 'tampered.ndjson'), '--jwks', jwks);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain('row 5 does not have the hash of what it says (changed, line 6)');
  expect(await faultOf(`UPDATE audit_events SET outcome = 'done' ${where} 5`)).toBeUndefined();
  // The last row, with the head left as it is; then one in the middle.
  const last = '(SELECT max(seq) FROM audit_events WHERE tenant_id = $1)';
  expect(await faultOf(`DELETE FROM audit_events ${where} ${last}`)).toMatchObject({ kind: 'missing' });
  expect(await faultOf(`DELETE FROM audit_events ${where} 7`)).toMatchObject({ kind: 'missing', row: 7 });
});
