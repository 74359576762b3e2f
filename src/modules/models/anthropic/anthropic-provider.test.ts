import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { MessagesServer } from '../../../../test/support/messages-server.ts';
import type { ModelRequest } from '../model-provider.ts';
import { AnthropicProvider } from './anthropic-provider.ts';

/** What the shared contract does not ask; see `provider-contract.test.ts`. */

let server: MessagesServer;
let provider: AnthropicProvider;
const environment = {
  ANTHROPIC_BASE_URL: 'http://127.0.0.1:9',
  ANTHROPIC_AUTH_TOKEN: 'foreign',
  ANTHROPIC_API_KEY: 'foreign',
  ANTHROPIC_LOG: 'debug',
};
beforeAll(async () => {
  server = await MessagesServer.start('right');
  Object.assign(process.env, environment);
  provider = new AnthropicProvider({ apiKey: 'right', baseUrl: server.url, idleTimeoutMs: 500, headersTimeoutMs: 1_000 });
});
afterEach(() => {
  server.seen.length = 0;
});
afterAll(async () => {
  for (const name of Object.keys(environment)) Reflect.deleteProperty(process.env, name);
  await provider.close();
  await server.close();
});

function ask(over: Partial<ModelRequest>, onText: (text: string) => void = () => undefined) {
  const signal = new AbortController().signal;
  const messages = [{ role: 'user' as const, content: 'Hi' }];
  return provider.stream({ model: 'claude', messages, maxOutputTokens: 50, signal, deadlineAt: Date.now() + 3_000, ...over }, onText);
}

it('calls with its own key, to its own place, whatever the environment says', async () => {
  await ask({ temperature: 0.3, topP: 0.5, endUser: 'u1' });
  expect(server.seen).toHaveLength(1);
  expect(server.seen[0]?.headers).toMatchObject({ authorization: 'Bearer right', 'x-stainless-retry-count': '0' });
  expect(JSON.stringify(server.seen[0]?.headers)).not.toContain('foreign');
});

it('bears a conversation that the API itself would refuse as it stands', async () => {
  const messages = [
    { role: 'system' as const, content: 'Be kind.' },
    { role: 'assistant' as const, content: 'Welcome!' },
    { role: 'user' as const, content: ' ' },
    { role: 'system' as const, content: 'Be brief.' },
    { role: 'user' as const, content: 'Hi' },
  ];
  expect(await ask({ messages, prefix: 'Hello \n' })).toMatchObject({ finishReason: 'stop' });
});

it('says that the request is wrong where a model does not go on from a text: the caller can begin anew', async () => {
  await expect(ask({ model: 'claude-unfilled', prefix: 'Hello' })).rejects.toMatchObject({ failure: 'invalid_request', unserved: true });
});

it('writes nothing to the console', async () => {
  const written: unknown[] = [];
  const levels = ['log', 'info', 'warn', 'error', 'debug'] as const;
  const before = levels.map((level) => console[level]);
  for (const level of levels) console[level] = (...line: unknown[]) => void written.push(line);
  try {
    await ask({ model: 'claude-sonnet-4-5' });
  } finally {
    for (const [at, level] of levels.entries()) console[level] = before[at] as typeof console.log;
  }
  expect(written).toEqual([]);
});
