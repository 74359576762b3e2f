import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestStack, testStack } from '../support/stack.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await testStack();
});
afterAll(() => stack.close());

it('answers over SSE', async () => {
  const tenant = await stack.tenant();
  const answer = await stack.request('POST', '/v1/chat', {
    token: tenant.apiKey,
    body: {
      id: 'c1',
      bot_id: tenant.botId,
      messages: [{ id: 'm1', role: 'user', parts: [{ type: 'text', text: 'Hi [[demo: {"tokens":5}]]' }] }],
    },
  });
  expect(answer.body).toContain('t4');
});
