import { type TestStack, testStack } from '../support/stack.ts';

/** A server that shows the playground with a demo. */
export interface PlaygroundServer {
  url: string;
  demo: { email: string; password: string };
  /** The servers behind it. */
  stack: TestStack;
  close: () => Promise<void>;
}

/** Starts a replica whose playground offers the bot of a fresh tenant. */
export async function startPlayground(env: Record<string, string> = {}): Promise<PlaygroundServer> {
  const stack = await testStack({ env });
  const { accessToken: token, botId, email, password } = await stack.tenant({ name: 'Demo bot', greeting: 'Hello! Ask me anything.' });
  const key = await stack.request('POST', '/v1/api-keys', { token, body: { name: 'Page', kind: 'publishable', bot_id: botId } });
  if (key.status !== 201) throw new Error(`publishable key: ${key.status}`);
  const replica = await stack.replica({ PARLEY_PLAYGROUND_KEY: key.body.key as string, PARLEY_PLAYGROUND_BOT: botId });
  const allowed = await stack.request('PATCH', `/v1/bots/${botId}`, { token, body: { allowed_origins: [replica.url] } });
  if (allowed.status !== 200) throw new Error(`allowed origins: ${allowed.status}`);
  return { url: replica.url, demo: { email, password }, stack, close: () => stack.close() };
}
