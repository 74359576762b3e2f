import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningDemoModel, startDemoModel } from '../../src/apps/demo-model/server.ts';
import { ModelSettings } from '../../src/modules/models/index.ts';
import { type AnswerStream, counted, send } from '../support/event-stream.ts';
import { type TestStack, testStack, type TestTenant } from '../support/stack.ts';
import { marker } from '../support/witness.ts';

const secret = 'sk-of-the-fallback-provider';
const logs: string[] = [];
let stack: TestStack;
let fallback: RunningDemoModel;
let tenant: TestTenant;

beforeAll(async () => {
  stack = await testStack({
    onLog: (line) => logs.push(line),
    env: { MODEL_ALLOW_PRIVATE_URLS: 'true', MODEL_IDLE_TIMEOUT_MS: '1000', MODEL_CONTINUES: 'demo-large' },
  });
  fallback = await startDemoModel({ tokensPerSecond: 0, firstTokenMs: 0, apiKey: secret });
  const credential = { name: 'fallback', kind: 'compatible' as const, baseUrl: `${fallback.url}/v1`, apiVersion: null, secret };
  await stack.app.get(ModelSettings).putCredential(credential);
  const targets = (model: string) => [{ model }, { credential: 'fallback', model, tier: 1 }];
  await stack.app.get(ModelSettings).putRoute('continuing', { targets: targets('demo-large') });
  await stack.app.get(ModelSettings).putRoute('anew', { targets: targets('demo-small') });
  tenant = await stack.tenant({ model: 'continuing' });
});
afterAll(async () => {
  await fallback.close();
  await stack.close();
});

/** Asks through a route's bot; the first provider and the fallback behave as scripted. */
async function ask(of: TestTenant, scripts: object[], other: object[]): Promise<AnswerStream> {
  const text = marker();
  stack.model.scripts.add({ match: text, scripts: scripts as [] });
  fallback.scripts.add({ match: text, scripts: other as [] });
  return (await send(stack.url, of, { conversation: marker(), text })).finished();
}

const kinds = (answer: AnswerStream) => answer.events.map(({ chunk }) => chunk.type).filter((type) => type !== 'text-delta');
const served = () => fallback.witness.entries().entries.length;

describe('a bot that answers by a route', () => {
  it('is answered by the next provider when the first one fails, and readers notice nothing', async () => {
    const answer = await ask(tenant, [{ status: 503 }], [{ tokens: 30 }]);
    expect(answer.text).toBe(counted(30));
    expect(kinds(answer)).toEqual(['start', 'start-step', 'text-start', 'text-end', 'finish-step', 'finish']);
    expect(served()).toBe(1);
  });

  it('P3: goes on at the next provider where the first one broke off, without a seam', async () => {
    const answer = await ask(tenant, [{ tokens: 60, cut_after_tokens: 20 }], [{ tokens: 60 }]);
    expect(answer.text).toBe(counted(60));
    expect(kinds(answer)).not.toContain('reset-step');
    expect(fallback.witness.entries().entries.at(-1)).toMatchObject({ continued_prefix: 'matched' });
  });

  it('P8: begins anew, and says so, where the next provider cannot go on', async () => {
    const anew = await stack.tenant({ model: 'anew' });
    const answer = await ask(anew, [{ tokens: 60, cut_after_tokens: 20 }], [{ tokens: 40 }]);
    expect(kinds(answer)).toContain('reset-step');
    expect(answer.text).toBe(counted(40));
  });

  it('uses the tenant’s own route and credential before the platform’s', async () => {
    const own = await stack.tenant({ model: 'continuing' });
    const token = own.accessToken;
    const credential = await stack.request('POST', '/v1/model-credentials', {
      token,
      body: { name: 'own', kind: 'compatible', base_url: `${fallback.url}/v1`, secret },
    });
    expect(credential.body.check).toMatchObject({ result: 'ok' });
    const targets = [{ credential_id: credential.body.id as string, model: 'demo-small' }];
    expect((await stack.request('POST', '/v1/model-routes', { token, body: { name: 'continuing', targets } })).status).toBe(201);
    const before = served();
    expect((await ask(own, [{ status: 500 }], [{ tokens: 5 }])).text).toBe(counted(5));
    expect(served()).toBe(before + 1);
  });
});

describe('the health of the models', () => {
  const health = async (headers: Record<string, string> = {}) => {
    const answer = await fetch(`${stack.url}/v1/models/health`, { headers });
    return { status: answer.status, body: (await answer.json()) as { targets: { target: string; owner: string }[] } };
  };

  it('is shown to callers on this machine, target by target, without a secret', async () => {
    const { status, body } = await health();
    expect(status).toBe(200);
    expect(body.targets.find(({ target, owner }) => target === 'fallback/demo-large' && owner === 'platform')).toMatchObject({
      ...{ model: 'demo-large', provider_model: 'demo-large', credential: 'ok', outcomes: { stop: 2 } },
      breaker: { state: 'closed', share: 1, try_again_in_ms: null },
      calls: { total: 2, running: 0, waiting: 0 },
      latency_ms: { p50: expect.any(Number), p95: expect.any(Number) },
      first_text_ms: { p50: expect.any(Number) },
      tokens: { input: expect.any(Number), output: expect.any(Number) },
      retries_left: expect.any(Number),
    });
    expect(body.targets.find(({ target, owner }) => target === 'own/demo-small' && owner === 'tenant')).toMatchObject({
      tenant_id: expect.stringMatching(/^ten_/),
    });
    expect(JSON.stringify(body)).not.toContain(secret);
  });

  it('is hidden from whoever comes through a proxy, and from credentials of tenants', async () => {
    expect((await health({ 'x-forwarded-for': '127.0.0.1' })).status).toBe(404);
    expect((await health({ 'x-forwarded-for': '127.0.0.1', authorization: `Bearer ${tenant.accessToken}` })).status).toBe(404);
  });

  it('is in the metrics, where tenants are not told apart', async () => {
    const text = await (await fetch(`${stack.url}/metrics`)).text();
    expect(text).toMatch(/parley_model_target_calls_total\{target="fallback\/demo-large",outcome="stop"\} 2/);
    expect(text).toMatch(/parley_model_target_calls_total\{target="of tenants",outcome="stop"\} 1/);
    expect(text).toMatch(/parley_model_target_calls_total\{target="default\/demo-large",outcome="server_error"\} 1/);
    for (const target of ['fallback/demo-large', 'default/demo-large', 'of tenants']) {
      expect(text).toContain(`parley_model_target_waiting{target="${target}"} 0\n`);
      expect(text).toMatch(new RegExp(`parley_model_target_retries_left\\{target="${target}"\\} [1-9]`));
    }
    expect(text).not.toContain('own/demo-small');
  });

  it('P7: no log line holds a secret', () => {
    expect(logs.length).toBeGreaterThan(20);
    expect(logs.filter((line) => line.includes(secret))).toEqual([]);
  });
});
