import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ChatSockets } from '../../src/modules/chat/gateway/chat-sockets.ts';
import type { ChatSocket } from '../../src/modules/chat/gateway/chat-socket.ts';
import { type ChatClient, openChat, userMessage } from '../support/chat-client.ts';
import { type TestStack, type TestTenant, testStack } from '../support/stack.ts';
import { marker, theCall } from '../support/witness.ts';

/* A reader that does not read is held up alone, let go in time, and loses nothing. */

const mebibyte = 1_048_576;
const slowReaderMs = 1_500;

let stack: TestStack;
let tenant: TestTenant;

beforeAll(async () => {
  stack = await testStack({
    env: {
      CHAT_SLOW_READER_MS: String(slowReaderMs),
      CHAT_ANSWER_BYTES: String(16 * mebibyte),
      MODEL_DEFAULT: 'demo-large',
      MODEL_CONTEXT_TOKENS: '131072',
      MODEL_MAX_OUTPUT_TOKENS: '60000',
    },
  });
  tenant = await stack.tenant();
});
afterAll(() => stack.close());

async function chatOf(visitor: string): Promise<ChatClient> {
  const query = new URLSearchParams({ bot_id: tenant.botId, visitor_id: visitor }).toString();
  return openChat(`${stack.wsUrl}?${query}`, { credential: tenant.apiKey });
}

/** An answer that no kernel buffers whole: vertical tabs, each of which is six characters of JSON. Gives what to ask. */
function hugeAnswer(): string {
  const text = Array.from({ length: 24_000 }, (_, at) => `${'\v'.repeat(150)}t${at}`).join('');
  const question = marker();
  stack.model.scripts.add({ scripts: [{ text, tokens_per_second: 12_000, chunk_tokens: 20 }], match: question });
  return question;
}

/** The server's side of the socket that has made a request. */
function serverSide(requestId: string): ChatSocket {
  const { sockets } = stack.app.get<{ sockets: Set<ChatSocket> }>(ChatSockets);
  const socket = [...sockets].find(({ requests }) => requests.has(requestId));
  if (socket === undefined) throw new Error('there is no such socket');
  return socket;
}

/** Looks again and again until something is so. */
async function until(what: string, isSo: () => boolean): Promise<void> {
  for (const end = Date.now() + 20_000; Date.now() < end; await sleep(10)) if (isSo()) return;
  throw new Error(`not ${what} in time`);
}

it('P9, P3: a paused reader is closed with 1013, costs a bounded buffer, and resumes without a gap', async () => {
  const visitor = randomUUID();
  const reader = await chatOf(visitor);
  const question = hugeAnswer();
  const requestId = reader.ask('c', question);
  await reader.shows(requestId, 100);
  const side = serverSide(requestId);
  reader.ws.pause();
  let highest = 0;
  let since = 0;
  await until('closed', () => {
    highest = Math.max(highest, side.ws.bufferedAmount);
    if (since === 0 && side.behindSince !== 0) since = Date.now();
    return !side.open;
  });
  expect(Date.now() - since).toBeLessThan(slowReaderMs + 1_000);
  // Above the limit by one frame at most.
  expect(highest).toBeGreaterThan(mebibyte / 2);
  expect(highest).toBeLessThan(3 * mebibyte);
  reader.ws.resume();
  expect((await reader.closed).code).toBe(1013);
  const before = reader.read(requestId);

  const again = await chatOf(visitor);
  const resumed = again.resume('c', `${before.cursorPrefix}${before.last}`);
  await again.ended(resumed);
  const after = again.read(resumed, before.last + 1);
  const call = await theCall(stack, question);
  expect(call.outcome).toBe('complete');
  expect(after.finishReason).toBe('stop');
  expect(before.text.length).toBeLessThan(call.text_served.length);
  expect(before.text + after.text === call.text_served).toBe(true);
  await again.close();
}, 40_000);

it('P9: one reader that pauses holds up no other reader of the same answer, and goes on when it reads again', async () => {
  const visitor = randomUUID();
  const [slow, quick] = [await chatOf(visitor), await chatOf(visitor)];
  const question = hugeAnswer();
  const sent = slow.ask('c', question);
  await slow.shows(sent, 100);
  const following = quick.resume('c');
  const side = serverSide(sent);
  slow.ws.pause();
  await until('behind', () => side.behindSince > 0);
  slow.ws.resume();
  const [one, other] = await Promise.all([slow.answer(sent), quick.answer(following)]);
  const call = await theCall(stack, question);
  expect(one.text === call.text_served && other.text === call.text_served).toBe(true);
  expect(one.chunks).toHaveLength(other.chunks.length);
  await Promise.all([slow.close(), quick.close()]);
}, 40_000);

it('P9: over SSE a client that does not read is cut, and resumes without a gap', async () => {
  const [visitor, question] = [randomUUID(), hugeAnswer()];
  const query = new URLSearchParams({ bot_id: tenant.botId, visitor_id: visitor }).toString();
  const headers = { authorization: `Bearer ${tenant.apiKey}`, 'content-type': 'application/json' };
  let highest = 0;
  const connected = once(stack.app.getHttpServer(), 'connection');
  const asking = request(`${stack.url}/v1/chat?${query}`, { method: 'POST', headers, agent: false });
  asking.end(JSON.stringify({ id: 'c', messages: [userMessage(question)] }));
  const [response] = (await once(asking, 'response')) as [IncomingMessage];
  const [side] = (await connected) as [Socket];
  expect(side.remotePort).toBe(asking.socket?.localPort);
  await until('cut', () => {
    highest = Math.max(highest, side.writableLength);
    return side.destroyed;
  });
  expect(highest).toBeLessThan(3 * mebibyte);
  expect(await theCall(stack, question)).toMatchObject({ outcome: 'complete' });
  const [read, cut] = [await textOf(response), response.complete];
  expect([cut, read.includes('[DONE]')]).toEqual([false, false]);

  // The last event may be there in part only.
  const whole = read.slice(0, read.lastIndexOf('\n\n') + 2);
  const last = whole.slice(whole.lastIndexOf('\nid: ') + 5).split('\n')[0] as string;
  const rest = await fetch(`${stack.url}/v1/chat/c/stream?${query}`, { headers: { ...headers, 'last-event-id': last } });
  const everything = await fetch(`${stack.url}/v1/chat/c/stream?${query}`, { headers });
  expect(whole + (await rest.text()) === (await everything.text())).toBe(true);
}, 40_000);

/** What a response brings until it ends or breaks. */
async function textOf(response: IncomingMessage): Promise<string> {
  let text = '';
  response.setEncoding('utf8').on('data', (piece: string) => (text += piece));
  response.on('error', () => undefined);
  await new Promise((resolve) => response.once('close', resolve));
  return text;
}
