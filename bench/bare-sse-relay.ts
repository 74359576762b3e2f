/*
 * The limit over server-sent events: a plain HTTP server that asks the model with undici and hands each event of the answer on, in the same
 * format. No authentication, no storage, no batches. Like `bare-relay.ts` it reads every event, which is what counting
 * and checking an answer takes at least; with `RELAY_BYTES` it hands the bytes on unread.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Agent, request } from 'undici';

interface Event {
  choices: { delta: { content?: string | null }; finish_reason?: string | null }[];
}

const url = `${process.env['OPENAI_BASE_URL']}/chat/completions`;
const unread = process.env['RELAY_BYTES'] !== undefined;
const agent = new Agent({ connections: 4_096, bodyTimeout: 0 });

async function relay(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const body = await text(incoming);
  const answer = await request(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body, dispatcher: agent });
  outgoing.writeHead(answer.statusCode, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' });
  outgoing.flushHeaders();
  if (unread) return void answer.body.pipe(outgoing);
  let rest = '';
  answer.body.setEncoding('utf8');
  answer.body.on('data', (piece: string) => {
    const events = (rest + piece).split('\n\n');
    rest = events.pop() ?? '';
    for (const event of events) {
      if (event === 'data: [DONE]') outgoing.write('data: [DONE]\n\n');
      else outgoing.write(`data: ${JSON.stringify(JSON.parse(event.slice(6)) as Event)}\n\n`);
    }
  });
  await new Promise<void>((resolve, reject) => {
    answer.body.once('end', resolve);
    answer.body.once('error', reject);
  });
  outgoing.end();
}

const server = createServer((incoming, outgoing) => {
  if (incoming.method !== 'POST') return void outgoing.writeHead(404).end();
  relay(incoming, outgoing).catch(() => outgoing.destroy());
});
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
