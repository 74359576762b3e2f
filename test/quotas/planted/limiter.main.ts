/*
 * A server that limits tokens, well or badly, before the demo model: `node limiter.main.ts MODE LIMIT REDIS_URL MODEL_URL`. Speaks as much
 * of OpenAI's dialect as the harness' client does. Prints its URL as a line of JSON, and ends with its standard input.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Redis } from 'ioredis';
import type { PlantedMode } from './modes.ts';

const [mode, limitText, redisUrl, modelUrl] = process.argv.slice(2) as [PlantedMode, string, string, string];
const limit = Number(limitText);
const redis = new Redis(redisUrl);
const answerTokens = 400;
const key = 'planted:tokens';

/** Lets a request of so many tokens in: gives the tokens that are held for it, undefined when the limit has no room. */
const admit: Record<PlantedMode, (tokens: number) => Promise<number | undefined>> = {
  // What nearly every hand-written limiter does: look, do the work, count. Whoever looks meanwhile sees the same count.
  'get-then-incr': async (tokens) => (Number(await redis.get(key)) + tokens > limit ? undefined : 0),
  // Each process counts what it has seen itself.
  'per-replica': (tokens) => {
    if (own + tokens > limit) return Promise.resolve(undefined);
    own += tokens;
    return Promise.resolve(tokens);
  },
  // The way it should be: in which nothing must be found.
  atomic: async (tokens) => {
    const script = `local n = tonumber(redis.call('GET', KEYS[1]) or 0) + ARGV[1]
      if n > tonumber(ARGV[2]) then return 0 end
      redis.call('SET', KEYS[1], string.format('%d', n)) return 1`;
    return (await redis.eval(script, 1, key, tokens, limit)) === 1 ? tokens : undefined;
  },
};
let own = 0;

async function count(tokens: number): Promise<void> {
  if (mode === 'per-replica') own += tokens;
  else await redis.incrby(key, tokens);
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let body = '';
  for await (const bytes of request.setEncoding('utf8')) body += String(bytes);
  const { messages } = JSON.parse(body) as { messages: { content: string }[] };
  const input = messages.reduce((sum, { content }) => sum + Buffer.byteLength(content) + 16, 16);
  const held = await admit[mode](input + answerTokens);
  if (held === undefined) return send(response, 429, { code: 'quota_exceeded', limit: 'tokens_per_month' });
  const served = await fetch(`${modelUrl}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'demo-large', messages, max_tokens: answerTokens }),
  });
  const completion = (await served.json()) as { usage: { total_tokens: number } };
  await count(completion.usage.total_tokens - held);
  send(response, 200, completion);
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

const server = createServer((request, response) => void answer(request, response).catch(() => send(response, 500, {})));
server.listen(0, '127.0.0.1', () =>
  process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })}\n`),
);
process.stdin.resume().on('end', () => process.exit(0));
