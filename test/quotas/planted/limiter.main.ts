/*
 * A server that limits what tokens cost, well or badly, before the demo model: `node limiter.main.ts SETTINGS`, which are JSON. Speaks as much
 * of OpenAI's dialect as the harness' client does. Prints its URL as a line of JSON, and ends with its standard input.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Redis } from 'ioredis';
import type { Price } from '../checker/evidence.ts';
import type { PlantedMode } from './modes.ts';

/** What a limiter is told. */
export interface LimiterSettings {
  mode: PlantedMode;
  /** The limit's name on the wire, and its value: what a million of one-millionths of `price` are. */
  limitName: string;
  limit: number;
  price: Price;
  redisUrl: string;
  modelUrl: string;
}

const { mode, limitName, limit, price, redisUrl, modelUrl } = JSON.parse(process.argv[2] ?? '') as LimiterSettings;
const redis = new Redis(redisUrl);
const answerTokens = 400;
const key = 'planted:used';

/** Lets a request in that costs so much: gives what is held for it, undefined when the limit has no room. */
const admit: Record<PlantedMode, (cost: number) => Promise<number | undefined>> = {
  // What nearly every hand-written limiter does: look, do the work, count. Whoever looks meanwhile sees the same count.
  'get-then-incr': async (cost) => (Number(await redis.get(key)) + cost > limit ? undefined : 0),
  // Each process counts what it has seen itself.
  'per-replica': (cost) => {
    if (own + cost > limit) return Promise.resolve(undefined);
    own += cost;
    return Promise.resolve(cost);
  },
  // The way it should be: in which nothing must be found.
  atomic: async (cost) => {
    const script = `local n = tonumber(redis.call('GET', KEYS[1]) or 0) + ARGV[1]
      if n > tonumber(ARGV[2]) then return 0 end
      redis.call('SET', KEYS[1], string.format('%d', n)) return 1`;
    return (await redis.eval(script, 1, key, cost, limit)) === 1 ? cost : undefined;
  },
};
let own = 0;

async function count(cost: number): Promise<void> {
  if (mode === 'per-replica') own += cost;
  else await redis.incrby(key, cost);
}

function costOf(input: number, output: number): number {
  return Math.ceil((input * price.input + output * price.output) / 1_000_000);
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let body = '';
  for await (const bytes of request.setEncoding('utf8')) body += String(bytes);
  const { messages } = JSON.parse(body) as { messages: { content: string }[] };
  const input = messages.reduce((sum, { content }) => sum + Buffer.byteLength(content) + 16, 16);
  const held = await admit[mode](costOf(input, answerTokens));
  if (held === undefined) return send(response, 429, { code: 'quota_exceeded', limit: limitName });
  const served = await fetch(`${modelUrl}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'demo-large', messages, max_tokens: answerTokens }),
  });
  const completion = (await served.json()) as { usage: { prompt_tokens: number; completion_tokens: number } };
  await count(costOf(completion.usage.prompt_tokens, completion.usage.completion_tokens) - held);
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
