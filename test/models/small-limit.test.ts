import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RunningDemoModel, startDemoModel } from '../../src/apps/demo-model/server.ts';
import { ModelSettings } from '../../src/modules/models/index.ts';
import { counted, scripted, send } from '../support/event-stream.ts';
import { type TestStack, testStack } from '../support/stack.ts';

/** Tokens a minute: fewer than the longest answer of a bot that sets none. */
const limit = 1_000;

let stack: TestStack;
let small: RunningDemoModel;
beforeAll(async () => {
  stack = await testStack();
  const limits = { tokens: limit, window_ms: 60_000, kind: 'bucket' as const, counts: 'reserved' as const };
  small = await startDemoModel({ tokensPerSecond: 0, firstTokenMs: 0, apiKey: 'sk-small', limits });
  const credential = { name: 'small', kind: 'compatible' as const, baseUrl: `${small.url}/v1`, apiVersion: null, secret: 'sk-small' };
  await stack.app.get(ModelSettings).putCredential(credential);
  await stack.app.get(ModelSettings).putRoute('small', { targets: [{ credential: 'small', model: 'demo-small' }] });
});
afterAll(async () => {
  await small.close();
  await stack.close();
});

it('a provider that allows fewer tokens a minute than an answer may have is asked for shorter ones', async () => {
  const tenant = await stack.tenant({ model: 'small' });
  const answer = await (await send(stack.url, tenant, { conversation: 'c', text: scripted({ tokens: 30 }) })).finished();
  expect(answer).toMatchObject({ text: counted(30), last: { type: 'finish', finishReason: 'stop' } });
  const asked = small.witness
    .entries()
    .entries.toSorted((a, b) => (a.started_at < b.started_at ? -1 : 1))
    .map(({ status, request }) => ({ status, most: (request as { max_tokens: number }).max_tokens }));
  // The first refusal tells the limit.
  expect(asked).toEqual([
    { status: 429, most: 1_024 },
    { status: 200, most: expect.any(Number) },
  ]);
  expect(asked[1]?.most).toBeGreaterThan(limit / 2);
  expect(asked[1]?.most).toBeLessThan(limit);
});
