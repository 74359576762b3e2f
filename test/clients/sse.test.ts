import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { createParser } from 'eventsource-parser';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ticketFor } from '../support/ai-chat.ts';
import { type ReadAnswer, readChunks, userMessage } from '../support/chat-client.ts';
import { type TestStack, type TestTenant, testStack } from '../support/stack.ts';
import { calls, numbered, scripted, theCall } from '../support/witness.ts';

/* Chat over plain server-sent events, as any HTTP client sees it. */

let stack: TestStack;
let tenant: TestTenant;

beforeAll(async () => {
  stack = await testStack();
  tenant = await stack.tenant();
});
afterAll(() => stack.close());

interface Events {
  status: number;
  headers: Headers;
  ids: string[];
  answer: ReadAnswer;
  /** Ended with `[DONE]`. */
  done: boolean;
}

interface Asking {
  token?: string;
  headers?: Record<string, string>;
  body?: object;
  /** Hang up after that many events. */
  leaveAfter?: number;
}

/** Calls a route and reads its events to the end. */
async function events(method: string, path: string, { token = tenant.apiKey, headers, body, leaveAfter }: Asking = {}): Promise<Events> {
  const hangUp = new AbortController();
  const response = await fetch(stack.url + path, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: hangUp.signal,
  });
  const ids: string[] = [];
  const data: string[] = [];
  const parser = createParser({
    onEvent: (event) => {
      if (event.id !== undefined) ids.push(event.id);
      data.push(event.data);
      if (ids.length === leaveAfter) hangUp.abort();
    },
  });
  try {
    for await (const bytes of response.body?.pipeThrough(new TextDecoderStream()) ?? []) parser.feed(bytes);
  } catch (error) {
    if (!hangUp.signal.aborted) throw error;
  }
  const chunks = data.filter((text) => text !== '[DONE]').map((text) => JSON.parse(text));
  return { status: response.status, headers: response.headers, ids, answer: readChunks(chunks), done: data.at(-1) === '[DONE]' };
}

function place(visitor = randomUUID()) {
  const conversation = randomUUID();
  const query = new URLSearchParams({ bot_id: tenant.botId, visitor_id: visitor }).toString();
  const message = (text: string) => ({ id: conversation, messages: [userMessage(text)] });
  return { visitor, conversation, message, query, send: `/v1/chat?${query}`, stream: `/v1/chat/${conversation}/stream?${query}` };
}

it('P3: each event has its place as id, and headers keep proxies from holding it back', async () => {
  const { message, send } = place();
  const text = scripted({ tokens: 20, tokens_per_second: 200 });
  const read = await events('POST', send, { body: message(text), headers: { accept: '*/*' } });
  expect(read.status).toBe(200);
  expect(Object.fromEntries(read.headers)).toMatchObject({
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
    'x-vercel-ai-ui-message-stream': 'v1',
    'x-request-id': expect.stringMatching(/^req_/),
  });
  expect(read.done).toBe(true);
  expect(read.answer).toMatchObject({ text: (await theCall(stack, text)).text_served, finishReason: 'stop' });
  expect(read.ids).toEqual(read.answer.chunks.map((_, at) => `${read.answer.cursorPrefix}${at}`));
});

it('P3: Last-Event-ID gives only the rest, while the answer runs and after it', async () => {
  const { message, send, stream } = place();
  const text = scripted({ tokens: 40, tokens_per_second: 60 });
  const first = await events('POST', send, { body: message(text), leaveAfter: 6 });
  expect(first.done).toBe(false);
  const last = first.ids.at(-1) as string;
  const rest = await events('GET', stream, { headers: { 'last-event-id': last } });
  expect(rest.done).toBe(true);
  const whole = await events('GET', stream);
  expect([...first.ids, ...rest.ids]).toEqual(whole.ids);
  expect([...first.answer.chunks, ...rest.answer.chunks]).toEqual(whole.answer.chunks);
  expect(whole.answer.text).toBe((await theCall(stack, text)).text_served);
  const after = await events('GET', stream, { headers: { 'last-event-id': last } });
  expect(after.ids).toEqual(rest.ids);
});

it('P5: any other cursor replays from the beginning', async () => {
  const { message, send, stream } = place();
  const { ids } = await events('POST', send, { body: message(scripted({ tokens: 5 })) });
  const [turn, epoch] = (ids[0] as string).split(':') as [string, string];
  const foreign = [`${turn}:${Number(epoch) + 1}:2`, `${turn.slice(0, -4)}0000:${epoch}:2`, '2', 'nonsense', `${turn}:${epoch}:99999`];
  for (const cursor of foreign) {
    const read = await events('GET', stream, { headers: { 'last-event-id': cursor } });
    expect(read.ids, cursor).toEqual(ids);
  }
});

it('a conversation without a turn is a 204; somebody else’s is not found', async () => {
  const { stream, send, message, query: mine } = place();
  const none = await stack.request('GET', stream, { token: tenant.apiKey });
  expect([none.status, none.body]).toEqual([204, '']);
  const { answer } = await events('POST', send, { body: message(scripted({ tokens: 1 })) });
  const conversation = JSON.parse(answer.chunks[0] as string).messageMetadata.conversation_id as string;
  const own = await events('GET', `/v1/chat/${conversation}/stream?${mine}`);
  expect(own.answer.text).toBe('t0');
  for (const { query } of [place(), place()]) {
    const foreign = await stack.request('GET', `/v1/chat/${conversation}/stream?${query}`, { token: tenant.apiKey });
    expect([foreign.status, foreign.body.code]).toEqual([404, 'not_found']);
    const stop = await stack.request('POST', `/v1/chat/${conversation}/stop?${query}`, { token: tenant.apiKey });
    expect(stop.status).toBe(404);
  }
});

it('hanging up is no stop; the stop route is', async () => {
  const { message, send, stream, conversation, query } = place();
  const text = scripted({ tokens: 10_000, tokens_per_second: 50 });
  await events('POST', send, { body: message(text), leaveAfter: 4 });
  const following = events('GET', stream);
  expect(calls(stack, text)[0]?.outcome).toBe('running');
  const stop = await stack.request('POST', `/v1/chat/${conversation}/stop?${query}`, { token: tenant.apiKey });
  expect([stop.status, stop.body]).toEqual([204, '']);
  expect(await theCall(stack, text)).toMatchObject({ outcome: 'aborted_by_client' });
  const { answer } = await following;
  expect(answer.finishReason).toBe('interrupted');
  expect(numbered(10_000).startsWith(answer.text)).toBe(true);
  const again = await stack.request('POST', `/v1/chat/${conversation}/stop?${query}`, { token: tenant.apiKey });
  expect(again.status).toBe(204);
});

it('a ticket is a bearer credential here, once', async () => {
  const { visitor, message, conversation } = place();
  const token = await ticketFor({ stack, tenant }, visitor);
  const read = await events('POST', '/v1/chat', { token, body: message(scripted({ tokens: 2 })) });
  expect(read.answer.text).toBe('t0 t1');
  const again = await stack.request('GET', `/v1/chat/${conversation}/stream`, { token });
  expect([again.status, again.body.code]).toEqual([401, 'ticket_invalid']);
  const next = await ticketFor({ stack, tenant }, visitor);
  expect((await events('GET', `/v1/chat/${conversation}/stream`, { token: next })).ids).toEqual(read.ids);
});

it('a visitor of a ticket stays who the ticket says, whatever the body says', async () => {
  const [mine, other] = [place(), place()];
  await events('POST', other.send, { body: other.message(scripted({ tokens: 3 })) });
  const token = await ticketFor({ stack, tenant }, mine.visitor);
  const read = await stack.request('GET', `/v1/chat/${other.conversation}/stream?${other.query}`, { token });
  expect(read.status).toBe(204);
});

it('a wrong body is refused before anything streams', async () => {
  const { send } = place();
  const wrong: [object, string][] = [
    [{ id: 'c', messages: [] }, 'invalid_request'],
    [{ id: 'c', messages: [{ id: 'a', role: 'assistant', parts: [] }] }, 'invalid_request'],
    [{ id: 'c', messages: [userMessage('   ')] }, 'invalid_request'],
    [{ id: 'c'.repeat(65), messages: [userMessage('x')] }, 'invalid_request'],
    [{ id: 'c', messages: [userMessage('x'.repeat(65_537))] }, 'message_too_large'],
    [{ id: 'c', messages: [{ id: 'm', role: 'user', parts: [{ type: 'file', url: 'data:,x' }] }] }, 'invalid_request'],
  ];
  for (const [body, code] of wrong) {
    const answer = await stack.request('POST', send, { token: tenant.apiKey, body });
    expect(answer.body.code).toBe(code);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
  }
});

it('P9: a client that is gone before its answer begins leaves nothing behind', async () => {
  const port = Number(new URL(stack.url).port);
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const texts = Array.from({ length: 30 }, () => scripted({ tokens: 1 }));
  const before = timers();
  for (const [at, text] of texts.entries()) {
    const { send, message } = place();
    const body = JSON.stringify(
      at % 3 > 0 ? message(text) : { model: tenant.botId, stream: true, messages: [{ role: 'user', content: text }] },
    );
    const path = at % 3 > 0 ? send : '/v1/chat/completions';
    const head = `POST ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${tenant.apiKey}\r\nContent-Type: application/json\r\n`;
    const socket = connect(port, '127.0.0.1', () =>
      socket.write(`${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`, () => socket.destroy()),
    );
    await theCall(stack, text);
  }
  // An answer more, so that all before it have had their time.
  const last = place();
  await events('POST', last.send, { body: last.message(scripted({ tokens: 5, tokens_per_second: 10 })) });
  expect(timers() - before).toBeLessThan(15);
});
