import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newUuid, uuidOf } from '../../../kernel/ids.ts';
import { row } from '../../../platform/database/index.ts';
import { type RunningDemoModel, startDemoModel } from '../../../apps/demo-model/server.ts';
import { type Answer, caller, type TestStack, testStack, type TestTenant } from '../../../../test/support/stack.ts';
import { CredentialSecrets } from './credential-secrets.ts';
import type { TargetCredential } from '../routing/target.ts';

const secret = `sk-${newUuid()}`;
const logs: string[] = [];
let stack: TestStack;
let mine: TestTenant;
let theirs: TestTenant;
let provider: RunningDemoModel;
/** A replica that may call addresses on this machine. */
let inside: ReturnType<typeof caller>;

beforeAll(async () => {
  stack = await testStack({ onLog: (line) => logs.push(line) });
  [mine, theirs] = [await stack.tenant(), await stack.tenant()];
  provider = await startDemoModel({ apiKey: secret });
  inside = caller((await stack.replica({ MODEL_ALLOW_PRIVATE_URLS: 'true' })).url);
});
afterAll(async () => {
  await provider.close();
  await stack.close();
});

const bodies: Answer[] = [];

async function call(request: ReturnType<typeof caller>, method: string, path: string, body?: object, of = mine): Promise<Answer> {
  const answer = await request(method, path, { token: of.accessToken, ...(body === undefined ? {} : { body }) });
  bodies.push(answer);
  return answer;
}

const draft = (over: object = {}) => ({ name: newUuid(), kind: 'compatible', base_url: `${provider.url}/v1`, secret, ...over });
const add = (over: object = {}) => call(inside, 'POST', '/v1/model-credentials', draft(over));

describe('a credential', () => {
  test('is tried and saved; what is shown of it has no secret', async () => {
    const made = await add({ name: 'own' });
    expect(made).toMatchObject({
      status: 201,
      body: { object: 'model_credential', name: 'own', kind: 'compatible', hint: `…${secret.slice(-4)}`, check: { result: 'ok' } },
    });
    const id = made.body.id as string;
    expect((await call(inside, 'GET', `/v1/model-credentials/${id}`)).body).toEqual(made.body);
    expect((await call(inside, 'GET', '/v1/model-credentials')).body.data).toContainEqual(made.body);
    expect((await call(inside, 'POST', '/v1/model-credentials', draft({ name: 'own' }))).body).toMatchObject({
      status: 409,
      code: 'name_taken',
    });
  });

  test('with a refused key is refused, unless it shall not be tried', async () => {
    const refused = await add({ secret: 'sk-wrong-wrong-wrong' });
    expect(refused.body).toMatchObject({ status: 422, code: 'credential_refused', error: { param: 'secret' } });
    expect(await add({ secret: 'sk-wrong-wrong-wrong', skip_test: true })).toMatchObject({
      status: 201,
      body: { check: { result: 'skipped', at: null } },
    });
  });

  test('says what else failed in its trial', async () => {
    expect((await add({ base_url: 'http://127.0.0.1:9' })).body).toMatchObject({ check: { result: 'unreachable' } });
    expect((await add({ base_url: `${provider.url}/nowhere` })).body).toMatchObject({ check: { result: 'invalid_request' } });
  });

  test('can be changed; a stored secret is never sent elsewhere', async () => {
    const { id } = (await add()).body as { id: string };
    const path = `/v1/model-credentials/${id}`;
    expect((await call(inside, 'PATCH', path, { name: 'renamed' })).body).toMatchObject({ name: 'renamed', check: { result: 'ok' } });
    for (const change of [{ base_url: 'http://127.0.0.1:9' }, { kind: 'openai' }, { base_url: null, kind: 'anthropic' }])
      expect((await call(inside, 'PATCH', path, change)).body).toMatchObject({ status: 400, errors: [{ path: 'secret' }] });
    expect((await call(inside, 'PATCH', path, { secret: 'sk-wrong' })).body).toMatchObject({ code: 'credential_refused' });
    expect((await call(inside, 'PATCH', path, { secret, base_url: `${provider.url}/v1/` })).body).toMatchObject({
      check: { result: 'ok' },
    });
    expect((await call(inside, 'DELETE', path)).status).toBe(204);
    expect((await call(inside, 'GET', path)).status).toBe(404);
  });

  test('that a route uses cannot be deleted', async () => {
    const { id } = (await add()).body as { id: string };
    const route = await call(inside, 'POST', '/v1/model-routes', {
      name: newUuid(),
      targets: [{ credential_id: id, model: 'demo-small' }],
    });
    expect((await call(inside, 'DELETE', `/v1/model-credentials/${id}`)).body).toMatchObject({ status: 409, code: 'credential_in_use' });
    expect((await call(inside, 'DELETE', `/v1/model-routes/${route.body.id as string}`)).status).toBe(204);
    expect((await call(inside, 'DELETE', `/v1/model-credentials/${id}`)).status).toBe(204);
  });

  test.each([
    ['an unknown kind', { kind: 'carrier-pigeon' }, 400],
    ['no secret', { secret: '' }, 400],
    ['a secret with a line break', { secret: 'sk-a\r\nx-evil: 1' }, 400],
    ['a huge secret', { secret: 'x'.repeat(10_000) }, 400],
    ['a URL with a password', { base_url: 'https://u:p@example.com' }, 400],
    ['a URL of another scheme', { base_url: 'file:///etc/passwd' }, 400],
    ['a URL that is none', { base_url: 'nonsense' }, 400],
    ['no URL where one is needed', { kind: 'azure', base_url: null }, 400],
    ['an unknown field', { sekret: 'x' }, 400],
  ])('with %s is refused', async (_what, over, status) => {
    expect((await add(over)).status).toBe(status);
  });
});

test('a base URL into private networks is refused, tried or not', async () => {
  const urls = [
    'https://127.0.0.1',
    'https://localhost/v1',
    'https://169.254.169.254/latest',
    'https://[::1]/',
    'https://10.0.0.1',
    'https://0x7f.1',
  ];
  for (const base_url of [...urls, 'http://example.com']) {
    for (const skip_test of [true, false]) {
      const answer = await call(stack.request, 'POST', '/v1/model-credentials', draft({ base_url, skip_test }));
      expect(answer.body, base_url).toMatchObject({ status: 422, code: 'address_not_allowed', error: { param: 'base_url' } });
    }
  }
});

describe('P4: another tenant', () => {
  test('does not see a credential, and cannot route to it', async () => {
    const { id } = (await add()).body as { id: string };
    for (const [method, body] of [['GET'], ['PATCH', { name: 'x' }], ['DELETE']] as const)
      expect((await call(inside, method, `/v1/model-credentials/${id}`, body, theirs)).status).toBe(404);
    expect((await call(inside, 'GET', '/v1/model-credentials', undefined, theirs)).body.data).toEqual([]);
    const body = { name: 'stolen', targets: [{ credential_id: id, model: 'demo-small' }] };
    expect((await call(inside, 'POST', '/v1/model-routes', body, theirs)).body).toMatchObject({
      status: 400,
      errors: [{ path: 'targets.0.credential_id' }],
    });
  });

  test('cannot have a secret opened, whatever it takes for its own', async () => {
    const id = uuidOf('modelCredential', (await add()).body.id as string) as string;
    const secrets = stack.app.get(CredentialSecrets);
    const credential: TargetCredential = {
      ...{ id, name: 'x', kind: 'compatible', baseUrl: null, apiVersion: null, version: 1 },
      owner: { kind: 'tenant', tenantId: mine.tenantUuid },
    };
    expect(await secrets.of(credential)).toBe(secret);
    expect(await secrets.of({ ...credential, owner: { kind: 'tenant', tenantId: theirs.tenantUuid } })).toBeUndefined();
    expect(await secrets.of({ ...credential, owner: { kind: 'platform' } })).toBeUndefined();
  });
});

test('P7: the secret stands in no answer, no log line, and nowhere in the database in clear', async () => {
  await add();
  expect(bodies.length).toBeGreaterThan(20);
  expect(bodies.filter(({ body }) => JSON.stringify(body).includes(secret))).toEqual([]);
  expect(logs.length).toBeGreaterThan(20);
  expect(logs.filter((line) => line.includes(secret))).toEqual([]);
  const hex = Buffer.from(secret).toString('hex');
  const stored = await stack.db.forTenant(mine.tenantUuid, (tx) =>
    row<{ all: string }>(tx, 'SELECT string_agg(c::text, $1) AS all FROM model_credentials c', ['\n']),
  );
  expect(stored?.all).toContain('compatible');
  expect(stored?.all).not.toContain(secret);
  expect(stored?.all).not.toContain(hex);
});
