import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { publicId, uuidOf } from '../../src/kernel/ids.ts';
import { RouteTable } from '../../src/modules/models/routes/route-table.ts';
import { ModelSettings } from '../../src/modules/models/index.ts';
import { Consents, legalHolds, TenantPrivacy } from '../../src/modules/privacy/index.ts';
import { Visitors } from '../../src/modules/identity/index.ts';
import { changed, rows } from '../../src/platform/database/index.ts';
import { scripted, send } from '../support/event-stream.ts';
import { type Answer, type TestStack, testStack, type TestTenant } from '../support/stack.ts';

let stack: TestStack;
let mine: TestTenant;
let theirs: TestTenant;

beforeAll(async () => {
  stack = await testStack({
    env: {
      MODEL_ALLOW_PRIVATE_URLS: 'true',
      PRIVACY_REGION: 'EU (Frankfurt)',
      PRIVACY_PROCESSOR_CONTACT: 'privacy@example.com',
      PRIVACY_SUB_PROCESSORS: 'Example Hosting, Example Mail',
    },
  });
  [mine, theirs] = [await stack.tenant(), await stack.tenant()];
});
afterAll(() => stack.close());

const call = (method: string, path: string, body?: object, of = mine): Promise<Answer> =>
  stack.request(method, path, { token: of.accessToken, ...(body === undefined ? {} : { body }) });
const mode = async (chosen: 'standard' | 'strict' | null, of = mine) =>
  expect(await call('PUT', '/v1/privacy/mode', { mode: chosen }, of)).toMatchObject({ status: 200, body: { mode: chosen } });
const say = (text: string, of = mine) => send(stack.url, of, { conversation: 'talk', text: scripted({ tokens: 2 }, text) });
const audited = async (action: string) =>
  (await call('GET', `/v1/audit?limit=100&action=${action}`)).body.data as { target: { id: string }; detail: object }[];
const served = () => stack.model.witness.entries({ limit: Infinity }).entries;
const visitorOf = async (of: TestTenant, name = 'ada') =>
  (await stack.app.get(Visitors, { strict: false }).resolve(of.tenantUuid, name)).id;

describe('strict privacy mode', () => {
  test('only covered providers are called: a send is refused before anything is stored or sent, and one covered target is enough', async () => {
    expect((await (await say('before')).finished()).done).toBe(true);
    await mode('strict');
    const asked = served().length;
    await expect(say('refused')).rejects.toMatchObject({ status: 422, body: { code: 'provider_not_covered' } });
    const completion = { model: mine.botId, messages: [{ role: 'user', content: 'refused too' }] };
    expect(await call('POST', '/v1/chat/completions', completion)).toMatchObject({ status: 422 });
    expect(served().length).toBe(asked);
    // Nobody else's mode.
    expect((await (await say('theirs', theirs)).finished()).done).toBe(true);

    const own = { name: 'covered', kind: 'compatible', base_url: `${stack.model.url}/v1`, secret: 'sk-own', skip_test: true };
    const credential = await call('POST', '/v1/model-credentials', own);
    expect(credential.body).toMatchObject({ covered: false });
    const targets = [{ model: 'demo-small' }, { model: 'demo-large', credential_id: credential.body.id, tier: 1 }];
    // The route has the name of the model that the bot answers with.
    expect((await call('POST', '/v1/model-routes', { name: 'demo-small', targets })).status).toBe(201);
    await expect(say('none covered')).rejects.toMatchObject({ status: 422, body: { code: 'provider_not_covered' } });
    expect((await call('PATCH', `/v1/model-credentials/${credential.body.id as string}`, { covered: true })).body).toMatchObject({
      covered: true,
    });
    const answer = await (await say('covered')).finished();
    expect(answer.done).toBe(true);
    // The first tier is passed over, since its provider is not covered.
    expect(served().at(-1)).toMatchObject({ model: 'demo-large' });
    // An agreement is with one provider: elsewhere it must be said again.
    const moved = await call('PATCH', `/v1/model-credentials/${credential.body.id as string}`, {
      base_url: `${stack.model.url}/other`,
      secret: 'sk-own',
      skip_test: true,
    });
    expect(moved.body).toMatchObject({ covered: false });
    await call('PATCH', `/v1/model-credentials/${credential.body.id as string}`, {
      base_url: `${stack.model.url}/v1`,
      secret: 'sk-own',
      skip_test: true,
      covered: true,
    });
  });

  test('everything personal is pseudonymised where the bot says nothing', async () => {
    await (await say('My name is Margaret Thatcher and I live in Berlin.')).finished();
    expect(JSON.stringify(served().at(-1))).not.toContain('Thatcher');
    await mode('standard');
    await (await say('My name is Margaret Thatcher and I live in Berlin.')).finished();
    expect(JSON.stringify(served().at(-1))).toContain('Thatcher');
    await mode('strict');
  });

  test('every read of content leaves an entry without content; in standard mode none', async () => {
    const list = await call('GET', '/v1/conversations');
    const id = list.body.data[0].id as string;
    expect((await call('GET', `/v1/conversations/${id}`)).status).toBe(200);
    expect((await call('GET', `/v1/conversations/${id}/messages`)).status).toBe(200);
    expect((await audited('conversation.read')).filter(({ target }) => target.id === id)).toHaveLength(2);
    const [read] = await audited('message.read');
    expect(read).toMatchObject({ target: { kind: 'conversation', id }, actor: { kind: 'user' } });
    const visitor = publicId('visitor', await visitorOf(mine));
    expect((await call('GET', `/v1/visitors/${visitor}/consent`)).status).toBe(200);
    expect(await audited('visitor.read')).toMatchObject([{ target: { kind: 'visitor', id: visitor } }]);
    const hidden = await call('POST', '/v1/privacy/anonymize', { text: 'Write to ada@example.com' });
    const { text, mapping_id } = hidden.body;
    expect((await call('POST', '/v1/privacy/deanonymize', { text, mapping_id })).body.text).toBe('Write to ada@example.com');
    expect(await audited('privacy.read')).toMatchObject([{ detail: { mapping: mapping_id } }]);
    await mode('standard');
    await call('GET', `/v1/conversations/${id}/messages`);
    expect(await audited('message.read')).toHaveLength(1);
    await mode('strict');
  });

  test('sessions are short, and end when nobody refreshes them', async () => {
    const signIn = async (of: TestTenant) =>
      (await stack.request('POST', '/v1/auth/sign-in', { body: { email: of.email, password: of.password } })).body;
    expect((await signIn(theirs)).expires_in).toBe(900);
    const [idle, long, fresh] = [await signIn(mine), await signIn(mine), await signIn(mine)];
    expect(idle.expires_in).toBe(300);
    const ages = await stack.db.forTenant(mine.tenantUuid, (tx) =>
      rows<{ id: string; seconds: number }>(
        tx,
        'SELECT id, extract(epoch FROM expires_at - created_at)::int AS seconds FROM sessions WHERE tenant_id = $1 ORDER BY id DESC LIMIT 3',
        [mine.tenantUuid],
      ),
    );
    expect(ages.map(({ seconds }) => seconds)).toEqual([43_200, 43_200, 43_200]);
    const [, longId, idleId] = ages.map(({ id }) => id);
    await stack.db.forTenant(mine.tenantUuid, async (tx) => {
      await changed(tx, `UPDATE refresh_tokens SET created_at = now() - interval '16 minutes' WHERE tenant_id = $1 AND session_id = $2`, [
        mine.tenantUuid,
        idleId,
      ]);
      await changed(
        tx,
        `UPDATE sessions SET created_at = now() - interval '13 hours', expires_at = now() + interval '10 days' WHERE tenant_id = $1 AND id = $2`,
        [mine.tenantUuid, longId],
      );
    });
    const refresh = async ({ refresh_token }: { refresh_token: string }) =>
      (await stack.request('POST', '/v1/auth/refresh', { body: { refresh_token } })).status;
    expect([await refresh(idle), await refresh(long), await refresh(fresh)]).toEqual([401, 401, 200]);
  });

  test('only an owner chooses the mode; another replica goes by it within seconds; later modules ask what it allows', async () => {
    const scoped = await call('POST', '/v1/api-keys', { name: 'reader', scopes: ['privacy.read'] });
    const reader = scoped.body.key as string;
    expect(await stack.request('PUT', '/v1/privacy/mode', { token: reader, body: { mode: 'standard' } })).toMatchObject({ status: 403 });
    expect((await stack.request('GET', '/v1/privacy/mode', { token: reader })).body).toMatchObject({ mode: 'strict', in_force: 'strict' });
    const privacy = stack.app.get(TenantPrivacy, { strict: false });
    expect(await Promise.all([privacy.allowsAnswerCache(mine.tenantUuid), privacy.allowsThirdPartyAnalytics(mine.tenantUuid)])).toEqual([
      false,
      false,
    ]);
    expect(await Promise.all([privacy.allowsAnswerCache(theirs.tenantUuid), privacy.allowsThirdPartyAnalytics(theirs.tenantUuid)])).toEqual(
      [true, true],
    );
    const replica = await stack.replica({ PRIVACY_MODE: 'strict' });
    const there = replica.app.get(TenantPrivacy, { strict: false });
    // Nothing chosen: as the installation says.
    expect([await there.modeOf(theirs.tenantUuid), await there.modeOf(mine.tenantUuid)]).toEqual(['strict', 'strict']);
    await mode('standard');
    expect(await privacy.modeOf(mine.tenantUuid)).toBe('standard');
    await expect.poll(() => there.modeOf(mine.tenantUuid), { timeout: 6_000 }).toBe('standard');
    expect(await audited('privacy.update')).not.toHaveLength(0);
  });
});

test('the statement says where, by whom, for how long and how, from what is in force', async () => {
  await stack.app
    .get(ModelSettings, { strict: false })
    .putCredential({ name: 'shared', kind: 'openai', baseUrl: null, apiVersion: null, secret: 'sk-shared', covered: true, skipTest: true });
  await stack.app.get(ModelSettings, { strict: false }).putRoute('shared', { targets: [{ credential: 'shared', model: 'gpt-4o' }] });
  await call('PUT', '/v1/privacy/retention', { messages: 30, conversations: 90, usage: null, audit: 400 });
  await mode('strict');
  stack.app.get(RouteTable, { strict: false }).forget(mine.tenantUuid);
  const { body } = await call('GET', '/v1/privacy/statement');
  expect(body).toMatchObject({
    ...{
      region: 'EU (Frankfurt)',
      processor: null,
      processor_contact: 'privacy@example.com',
      sub_processors: ['Example Hosting', 'Example Mail'],
    },
    ...{
      mode: 'strict',
      answer_cache: false,
      third_party_analytics: false,
      retention: { messages: 30, conversations: 90, usage: null, audit: 400 },
    },
  });
  const host = new URL(stack.model.url).host;
  expect(body.model_providers).toContainEqual({
    kind: 'openai',
    owner: 'platform',
    host: 'api.openai.com',
    covered: true,
    called: true,
    routes: ['shared'],
  });
  expect(body.model_providers).toContainEqual(expect.objectContaining({ owner: 'environment', host, covered: false, called: false }));
  const other = (await call('GET', '/v1/privacy/statement', undefined, theirs)).body;
  expect(other).toMatchObject({ mode: 'standard', retention: { messages: null } });
  expect(other.model_providers.map(({ owner }: { owner: string }) => owner)).not.toContain('tenant');
  await mode('standard');
});

test('consent is no until it is given, can be withdrawn, is provable, and opens to nobody without the visitor’s key', async () => {
  const visitor = await visitorOf(mine);
  const path = `/v1/visitors/${publicId('visitor', visitor)}/consent`;
  const consents = stack.app.get(Consents, { strict: false });
  const allows = (of = mine) => consents.allows(of.tenantUuid, visitor, 'analytics');
  expect((await call('GET', path)).body.purposes).toContainEqual({
    purpose: 'analytics',
    given: false,
    source: null,
    evidence: null,
    decided_at: null,
  });
  expect(await allows()).toBe(false);
  const evidence = 'Ticked by Ada Lovelace, wording 3';
  const given = await call('PUT', path, { purposes: { analytics: true, marketing: false }, source: 'widget', evidence });
  expect(given.body.purposes).toContainEqual(expect.objectContaining({ purpose: 'analytics', given: true, source: 'widget', evidence }));
  expect([await allows(), await allows(theirs)]).toEqual([true, false]);
  const stored = await stack.db.forTenant(mine.tenantUuid, (tx) =>
    rows<{ evidence: Buffer }>(tx, 'SELECT evidence FROM visitor_consents WHERE evidence IS NOT NULL'),
  );
  expect(stored).toHaveLength(2);
  for (const each of stored) expect(each.evidence.toString('latin1')).not.toContain('Lovelace');
  await call('PUT', path, { purposes: { analytics: false } });
  expect(await allows()).toBe(false);
  const [withdrawn, first] = await audited('consent.update');
  expect([withdrawn?.detail, first?.detail]).toEqual([
    { analytics: false, source: 'api' },
    { analytics: true, marketing: false, source: 'widget' },
  ]);
  for (const method of ['GET', 'PUT'])
    expect((await call(method, path, method === 'PUT' ? { purposes: {} } : undefined, theirs)).status).toBe(404);
});

test('a hold covers a person by themselves, their conversation, a bot that they talked to, or the whole tenant', async () => {
  await (await say('hello', theirs)).finished();
  const [conversation] = (await call('GET', '/v1/conversations', undefined, theirs)).body.data as { id: string }[];
  const [{ visitorId } = { visitorId: '' }] = await stack.db.forTenant(theirs.tenantUuid, (tx) =>
    rows<{ visitorId: string }>(tx, 'SELECT visitor_id AS "visitorId" FROM conversations WHERE id = $1', [
      uuidOf('conversation', conversation?.id ?? ''),
    ]),
  );
  const stranger = await visitorOf(theirs, 'stranger');
  const covers = (person: { visitorId: string } | { userId: string }) =>
    stack.db.forTenant(theirs.tenantUuid, (tx) => legalHolds.covers(tx, theirs.tenantUuid, person));
  const user = { userId: uuidOf('user', theirs.userId) ?? '' };
  const seen: unknown[] = [];
  for (const [kind, object_id] of [
    ['visitor', publicId('visitor', visitorId)],
    ['conversation', conversation?.id],
    ['bot', theirs.botId],
    ['tenant', undefined],
  ]) {
    const placed = await call('POST', '/v1/privacy/holds', { kind, object_id, reason_code: 'case-1' }, theirs);
    seen.push([kind, await covers({ visitorId }), await covers({ visitorId: stranger }), await covers(user)]);
    await call('DELETE', `/v1/privacy/holds/${placed.body.id as string}`, undefined, theirs);
  }
  expect(seen).toEqual([
    ['visitor', true, false, false],
    ['conversation', true, false, false],
    ['bot', true, false, false],
    ['tenant', true, true, true],
  ]);
  expect(await covers({ visitorId })).toBe(false);
  // What is the other tenant's cannot be held from here, and looks as if it were not there.
  const foreign = await call('POST', '/v1/privacy/holds', { kind: 'bot', object_id: theirs.botId, reason_code: 'case-2' });
  expect(foreign).toMatchObject({ status: 422, body: { code: 'nothing_to_hold' } });
  expect((await call('GET', '/v1/privacy/holds', undefined, theirs)).body.data).toHaveLength(4);
});
