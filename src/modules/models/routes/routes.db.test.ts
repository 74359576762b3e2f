import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDemoModel } from '../../../apps/demo-model/server.ts';
import { newUuid } from '../../../kernel/ids.ts';
import { type TestStack, testStack, type TestTenant } from '../../../../test/support/stack.ts';
import { ModelSettings, Models, SettingRefused } from '../index.ts';
import { CredentialSecrets } from '../credentials/credential-secrets.ts';
import { metricName } from '../health/model-metrics.ts';
import type { Target, TargetCredential } from '../routing/target.ts';
import { RouteResolver } from './route-resolver.ts';

let stack: TestStack;
let mine: TestTenant;
let theirs: TestTenant;
let settings: ModelSettings;
let models: Models;
beforeAll(async () => {
  stack = await testStack();
  [mine, theirs] = [await stack.tenant(), await stack.tenant()];
  settings = stack.app.get(ModelSettings);
  models = stack.app.get(Models);
});
afterAll(() => stack.close());

const call = (method: string, path: string, body?: object, of = mine) =>
  stack.request(method, path, { token: of.accessToken, ...(body === undefined ? {} : { body }) });
const targetsOf = async (tenant: TestTenant, name: string) =>
  (await stack.app.get(RouteResolver).find(tenant.tenantUuid, name)).targets.map(({ name: target, model }) => `${target} ${model}`);
const platform = { kind: 'openai' as const, baseUrl: null, apiVersion: null, secret: 'sk-platform', skipTest: true };

describe('a route of a tenant', () => {
  test('is made, read, listed, changed and deleted', async () => {
    const targets = [
      { model: 'gpt-4o', weight: 3 },
      { model: 'demo-small', tier: 1, provider_model: 'small', continues: false },
    ];
    const made = await call('POST', '/v1/model-routes', { name: 'smart', targets });
    expect(made).toMatchObject({
      status: 201,
      body: {
        ...{ object: 'model_route', name: 'smart', after_content_filter: false },
        targets: [
          { credential_id: null, model: 'gpt-4o', provider_model: null, continues: null, tier: 0, weight: 3 },
          { credential_id: null, model: 'demo-small', provider_model: 'small', continues: false, tier: 1, weight: 1 },
        ],
      },
    });
    const path = `/v1/model-routes/${made.body.id as string}`;
    expect((await call('GET', path)).body).toEqual(made.body);
    expect((await call('GET', '/v1/model-routes')).body.data).toEqual([made.body]);
    expect((await call('POST', '/v1/model-routes', { name: 'smart', targets })).body).toMatchObject({ status: 409, code: 'name_taken' });
    expect((await call('PATCH', path, { after_content_filter: true })).body).toMatchObject({
      targets: [{}, {}],
      after_content_filter: true,
    });
    expect((await call('PATCH', path, { targets: [{ model: 'o3' }] })).body).toMatchObject({ targets: [{ model: 'o3' }], name: 'smart' });
    expect(await targetsOf(mine, 'smart')).toEqual(['default/o3 o3']);
    expect((await call('DELETE', path)).status).toBe(204);
    expect((await call('GET', path)).status).toBe(404);
    expect(await targetsOf(mine, 'smart')).toEqual(['default/smart smart']);
  });

  test.each([
    ['no target', { targets: [] }],
    ['too many targets', { targets: Array.from({ length: 17 }, () => ({ model: 'm' })) }],
    ['no model', { targets: [{ model: '' }] }],
    ['a weight of zero', { targets: [{ model: 'm', weight: 0 }] }],
    ['a tier that is none', { targets: [{ model: 'm', tier: 1.5 }] }],
    ['a name with spaces', { name: 'a b' }],
    ['an empty name', { name: '' }],
    ['a malformed credential', { targets: [{ model: 'm', credential_id: 'nope' }] }],
    ['somebody’s bot as a credential', { targets: [{ model: 'm', credential_id: 'bot_01h455vb4pex5vsknk084sn02q' }] }],
    ['an unknown field', { colour: 'red' }],
  ])('with %s is refused', async (_what, over) => {
    const answer = await call('POST', '/v1/model-routes', { name: newUuid(), targets: [{ model: 'm' }], ...over });
    expect(answer.body).toMatchObject({ status: 400, code: 'invalid_request' });
  });

  test('P4: is unknown to another tenant', async () => {
    const { id } = (await call('POST', '/v1/model-routes', { name: 'mine', targets: [{ model: 'o3' }] })).body as { id: string };
    for (const [method, body] of [['GET'], ['PATCH', { name: 'x' }], ['DELETE']] as const)
      expect((await call(method, `/v1/model-routes/${id}`, body, theirs)).status).toBe(404);
    expect(await targetsOf(mine, 'mine')).toEqual(['default/o3 o3']);
    expect(await targetsOf(theirs, 'mine')).toEqual(['default/mine mine']);
  });
});

describe('a route of the platform', () => {
  test('serves every tenant that has none of its own of this name', async () => {
    await settings.putCredential({ ...platform, name: 'openai' });
    await settings.putRoute('fast', {
      targets: [
        { credential: 'openai', model: 'gpt-4o-mini' },
        { model: 'demo-small', tier: 1 },
      ],
    });
    // What was read before is as old as it may be.
    await expect
      .poll(() => targetsOf(theirs, 'fast'), { timeout: 5_000 })
      .toEqual(['openai/gpt-4o-mini gpt-4o-mini', 'default/demo-small demo-small']);
    await call('POST', '/v1/model-routes', { name: 'fast', targets: [{ model: 'o3' }] });
    expect(await targetsOf(mine, 'fast')).toEqual(['default/o3 o3']);
    expect(await targetsOf(theirs, 'fast')).toHaveLength(2);
  });

  test('is refused with what is not there, and holds on to its credential', async () => {
    await expect(settings.putRoute('x', { targets: [{ credential: 'nobody', model: 'm' }] })).rejects.toThrow(SettingRefused);
    await expect(settings.putRoute('x', { targets: [] })).rejects.toThrow(SettingRefused);
    await expect(settings.putRoute('x y', { targets: [{ model: 'm' }] })).rejects.toThrow(SettingRefused);
    await expect(settings.removeCredential('openai')).rejects.toThrow(SettingRefused);
    await expect(settings.putCredential({ ...platform, name: 'y', kind: 'azure' })).rejects.toThrow(SettingRefused);
    expect(await settings.removeRoute('nothing')).toBe(false);
  });

  test('has its key tried before it is saved, unless it shall not be', async () => {
    const provider = await startDemoModel({ apiKey: 'sk-right' });
    const tried = { name: 'tried', kind: 'compatible' as const, baseUrl: `${provider.url}/v1`, apiVersion: null };
    const saved = async () => (await settings.platformCredentials()).filter(({ name }) => name === 'tried').map(({ version }) => version);
    await expect(settings.putCredential({ ...tried, secret: 'sk-wrong' })).rejects.toThrow(/refuses this key/);
    expect(await saved()).toEqual([]);
    expect(await settings.putCredential({ ...tried, secret: 'sk-right' })).toBe('ok');
    expect(await settings.putCredential({ ...tried, secret: 'sk-wrong', skipTest: true })).toBe('skipped');
    await provider.close();
    expect(await settings.putCredential({ ...tried, secret: 'sk-right' })).toBe('unreachable');
    expect(await saved()).toEqual([3]);
  });

  test('gives its secret to the router alone, and in its newest version', async () => {
    await settings.putCredential({ ...platform, name: 'rolled', secret: 'sk-first' });
    await settings.putCredential({ ...platform, name: 'rolled', secret: 'sk-second' });
    const [rolled] = (await settings.platformCredentials()).filter(({ name }) => name === 'rolled');
    expect(rolled).toMatchObject({ kind: 'openai', version: 2 });
    expect(JSON.stringify(await settings.platformCredentials())).not.toContain('sk-');
    await settings.putRoute('rolled', { targets: [{ credential: 'rolled', model: 'gpt-4o' }] });
    const resolver = stack.app.get(RouteResolver);
    const credential = async () => (await resolver.find(theirs.tenantUuid, 'rolled')).targets[0]?.credential as TargetCredential;
    await expect.poll(credential, { timeout: 5_000 }).toMatchObject({ name: 'rolled', version: 2 });
    expect(await stack.app.get(CredentialSecrets).of(await credential())).toBe('sk-second');
  });
});

describe('the name of a target', () => {
  const [labelled, named] = [(target?: Target) => target && metricName(target), (target?: Target) => target?.name];
  const firstOf = async (name: string) => (await stack.app.get(RouteResolver).find(mine.tenantUuid, name)).targets[0];

  test('says which model it is, whatever the set-up', async () => {
    const target = await firstOf('gpt-4o-2024-08-06');
    expect([named(target), labelled(target)]).toEqual(['default/gpt-4o-2024-08-06', 'default/gpt-4o']);
    expect(labelled(await firstOf(models.defaultModel))).toBe(`default/${models.defaultModel}`);
  });

  test('is no label where a tenant could make up any number of them', async () => {
    await call('POST', '/v1/model-routes', { name: 'made-up', targets: [{ model: 'gpt-4o', provider_model: 'gpt-4o-made-up' }] });
    for (const name of ['made-up', 'gpt-4o-mine-17', 'nonsense-1', 'nonsense-2'])
      expect(labelled(await firstOf(name))).toBe('default/other');
    expect(named(await firstOf('made-up'))).toBe('default/gpt-4o-made-up');
  });

  test('is one where an operator has written it', async () => {
    await settings.putRoute('written', { targets: [{ model: 'gpt-4o', provider_model: 'deployment-7' }] });
    await expect.poll(async () => labelled(await firstOf('written')), { timeout: 5_000 }).toBe('default/deployment-7');
  });
});

describe('what a route can do and cost', () => {
  test('is that of its targets together', async () => {
    await call('POST', '/v1/model-routes', {
      name: 'view',
      targets: [{ model: 'gpt-4o' }, { model: 'demo-small' }, { model: 'gpt-5', tier: 1 }],
    });
    expect(await models.routeFor(mine.tenantUuid, 'view')).toEqual({
      ...{ name: 'view', firstAsked: 'environment|demo-small', window: 128_000, maxOutputTokens: undefined, continues: true },
      price: { input: 2_500_000, output: 10_000_000 },
      skills: ['vision', 'tools', 'long_context', 'reasoning'],
    });
  });

  test('of a plain model is what the catalog says, and what is configured for one that it does not know', async () => {
    expect(await models.routeFor(mine.tenantUuid, 'demo-small')).toMatchObject({
      window: 8_192,
      continues: true,
      price: { input: 0, output: 0 },
    });
    expect(await models.routeFor(mine.tenantUuid, 'never-heard-of')).toMatchObject({ window: 16_384, continues: false, skills: [] });
  });

  test('follows the catalog within seconds', async () => {
    await settings.setModel('house-model', { window: 50_000, maxOutput: 900, tools: true });
    await settings.setPrice('house-model', { input: 11, output: 22 }, undefined);
    await expect
      .poll(() => models.routeFor(mine.tenantUuid, 'house-model'), { timeout: 10_000 })
      .toMatchObject({ window: 50_000, maxOutputTokens: 900, price: { input: 11, output: 22 }, skills: ['tools'] });
    await expect(settings.setPrice('nothing', { input: 1, output: 1 }, undefined)).rejects.toThrow(SettingRefused);
    await expect(settings.setModel('new', {})).rejects.toThrow(SettingRefused);
    expect([await settings.removeModel('house-model'), await settings.removeModel('house-model')]).toEqual([true, false]);
  });
});
