import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ChatClient, openChat, userMessage } from '../support/chat-client.ts';
import { growthWhile } from '../support/memory.ts';
import { clientFrame, frameHead, writeRaw } from '../support/raw-frames.ts';
import { type TestStack, type TestTenant, testStack } from '../support/stack.ts';
import { calls, scripted } from '../support/witness.ts';

/* What a socket may not do, and that it costs nobody else. */

const mebibyte = 1_048_576;

let stack: TestStack;
let tenant: TestTenant;
/** Somebody else, who must not notice anything. */
let bystander: ChatClient;
const clients: ChatClient[] = [];

beforeAll(async () => {
  stack = await testStack();
  tenant = await stack.tenant();
  bystander = await chatOf();
});
afterEach(async () => {
  expect((await bystander.answer(bystander.ask('c', scripted({ tokens: 2 })))).text).toBe('t0 t1');
  for (const client of clients.splice(0)) if (client !== bystander) client.ws.terminate();
});
afterAll(async () => {
  await bystander.close();
  await stack.close();
});

async function chatOf(visitor = randomUUID(), options: Parameters<typeof openChat>[1] = {}, base = stack.wsUrl): Promise<ChatClient> {
  const query = new URLSearchParams({ bot_id: tenant.botId, visitor_id: visitor }).toString();
  const client = await openChat(`${base}?${query}`, { credential: tenant.apiKey, ...options });
  clients.push(client);
  return client;
}

describe('frames', () => {
  it('P9: one that is a byte too long ends its socket with 1009; the longest that may be does not', async () => {
    const client = await chatOf();
    const [longest, text] = [4 * mebibyte, scripted({ tokens: 1 })];
    const frame = { type: 'send', requestId: 'r', id: 'c', messages: [userMessage('history'), userMessage(text)], headers: {}, body: {} };
    const filler = 'x'.repeat(longest - Buffer.byteLength(JSON.stringify({ ...frame, filler: '' })));
    client.send({ ...frame, filler });
    expect((await client.answer('r')).text).toBe('t0');
    client.send({ ...frame, filler: `${filler}x` });
    expect((await client.closed).code).toBe(1009);
  });

  it('P9: one of 100 MB is refused by its header, and never held', async () => {
    const client = await chatOf();
    const piece = Buffer.alloc(65_536, 0x61);
    let written = 0;
    const growth = await growthWhile(async () => {
      written = await writeRaw(client.ws, [clientFrame(frameHead.text, 100_000_000), ...Array.from({ length: 1_525 }, () => piece)]);
      expect((await client.closed).code).toBe(1009);
    });
    expect(written).toBeGreaterThan(0);
    expect(growth).toBeLessThan(48 * mebibyte);
  });

  it('P9: a million fragments cost little', async () => {
    const client = await chatOf();
    const thousand = Buffer.concat(Array.from({ length: 1_000 }, () => clientFrame(frameHead.nextFragment, 1, Buffer.from('x'))));
    const growth = await growthWhile(async () => {
      const first = clientFrame(frameHead.firstFragment, 1, Buffer.from('x'));
      await writeRaw(client.ws, [first, ...Array.from({ length: 1_000 }, () => thousand)]);
      expect((await client.closed).code).toBe(1008);
    });
    expect(growth).toBeLessThan(48 * mebibyte);
  });

  it.each<[string, (client: ChatClient) => void, number]>([
    ['invalid UTF-8', ({ ws }) => ws.send(Buffer.from([0x7b, 0xff, 0xfe, 0x7d]), { binary: false }), 1007],
    ['a binary frame', ({ ws }) => ws.send(Buffer.from('{"type":"abort","requestId":"r"}'), { binary: true }), 1008],
    ['no JSON', ({ ws }) => ws.send('{"type":"send",'), 1008],
    ['an empty frame', ({ ws }) => ws.send(''), 1008],
    ['JSON that is no object', ({ ws }) => ws.send('null'), 1008],
    ['an unknown type', (client) => client.send({ type: 'subscribe', requestId: 'r' }), 1008],
    ['a type of Object’s own', (client) => client.send({ type: 'constructor', requestId: 'r' }), 1008],
    ['a request without id', (client) => client.send({ type: 'resume', id: 'c' }), 1008],
    ['an id that is no text', (client) => client.send({ type: 'resume', requestId: 7, id: 'c' }), 1008],
    ['JSON as deep as a frame allows', ({ ws }) => ws.send(`{"type":"x","a":${'['.repeat(2_000_000)}`), 1008],
  ])('%s ends the socket', async (_name, misbehave, code) => {
    const client = await chatOf();
    misbehave(client);
    expect((await client.closed).code).toBe(code);
    expect(client.frames).toEqual([]);
  });

  it.each<[string, object, string]>([
    ['no conversation', { id: '' }, 'invalid_request'],
    ['a conversation of 65 characters', { id: 'c'.repeat(65) }, 'invalid_request'],
    ['no messages', { messages: [] }, 'invalid_request'],
    ['no user message', { messages: [{ id: 'a', role: 'assistant', parts: [] }] }, 'invalid_request'],
    ['a message without text', { messages: [userMessage(' \n ')] }, 'invalid_request'],
    ['a message that is none', { messages: [{ role: 'user' }] }, 'invalid_request'],
    ['a file', { messages: [{ id: 'm', role: 'user', parts: [{ type: 'file', url: 'data:,x' }] }] }, 'invalid_request'],
    ['an unknown trigger', { trigger: 'other' }, 'invalid_request'],
    ['a message of 64 KiB and a byte', { messages: [userMessage('x'.repeat(65_537))] }, 'message_too_large'],
    ['32 Ki characters of three bytes', { messages: [userMessage('漢'.repeat(32_768))] }, 'message_too_large'],
  ])('%s is an error of its request, and the socket lives', async (_name, change, code) => {
    const client = await chatOf();
    client.send({ type: 'send', requestId: 'r', id: 'c', messages: [userMessage('Hello')], headers: {}, body: {}, ...change });
    expect(await client.problem('r')).toMatchObject({ code, error: { code } });
    const text = scripted({ tokens: 1 }, 'x'.repeat(65_000));
    expect((await client.answer(client.ask('c', text))).text).toBe('t0');
  });
});

describe('numbers', () => {
  it('P9: 64 requests may be open on a socket, and one more is refused', async () => {
    const client = await chatOf();
    const text = scripted({ tokens: 10_000, tokens_per_second: 50 });
    const sent = client.ask('c', text);
    await client.shows(sent, 4);
    const resumes = Array.from({ length: 63 }, () => client.resume('c'));
    const tooMany = client.resume('c');
    expect(await client.problem(tooMany)).toMatchObject({ status: 429, code: 'too_many_requests' });
    const [first] = resumes as [string];
    client.send({ type: 'resume', requestId: first, id: 'c', headers: {}, body: {} });
    const twice = await client.until('a refusal', ({ type, requestId }) => type === 'error' && requestId === first);
    expect(JSON.parse(twice.errorText ?? '').code).toMatch(/too_many_requests|request_id_in_use/);
    client.abort(sent);
    const ends = await Promise.all(resumes.slice(1).map((requestId) => client.answer(requestId)));
    expect(new Set(ends.map(({ text: shown }) => shown)).size).toBe(1);
  });

  it('P9: a visitor may have 20 sockets, and a 21st when one of them is closed', async () => {
    const visitor = randomUUID();
    const mine = await Promise.all(Array.from({ length: 20 }, () => chatOf(visitor)));
    // The door is shut when all twenty are through it.
    await Promise.all(mine.map((client) => client.ended(client.resume('c'))));
    expect((await (await chatOf(visitor)).closed).code).toBe(4429);
    await mine[0]?.close();
    const again = await chatOf(visitor);
    expect((await again.ended(again.resume('c'))).type).toBe('no-active');
    const neighbour = await chatOf();
    expect((await neighbour.ended(neighbour.resume('c'))).type).toBe('no-active');
  });

  it('P9: a flood of frames ends with 4429, and reaches neither database nor model', async () => {
    const client = await chatOf();
    const text = scripted({ tokens: 1 });
    for (let count = 0; count < 1_000; count += 1) client.abort(`r${count}`);
    client.ask('c', text);
    expect((await client.closed).code).toBe(4429);
    expect(calls(stack, text)).toHaveLength(0);
  });

  it('too many messages of a visitor are refused one by one, over all sockets', async () => {
    const strict = await stack.replica({ CHAT_MESSAGES_PER_MINUTE: '3' });
    const visitor = randomUUID();
    const base = `${strict.url.replace('http', 'ws')}/v1/chat`;
    const sockets = [await chatOf(visitor, {}, base), await chatOf(visitor, {}, base)] as const;
    for (const at of [0, 1, 0] as const) await sockets[at].answer(sockets[at].ask('c', scripted({ tokens: 1 })));
    expect(await sockets[1].problem(sockets[1].ask('c', scripted({ tokens: 1 })))).toMatchObject({ status: 429, code: 'rate_limited' });
    expect(sockets[1].ws.readyState).toBe(sockets[1].ws.OPEN);
  });

  it('P9: messages that wait in one conversation are bounded', async () => {
    const client = await chatOf();
    const running = client.ask('c', scripted({ tokens: 10_000, tokens_per_second: 50 }));
    await client.shows(running, 4);
    const waiting = Array.from({ length: 8 }, () => client.ask('c', scripted({ tokens: 1 })));
    const refused = client.ask('c', scripted({ tokens: 1 }));
    expect(await client.problem(refused)).toMatchObject({ status: 429, code: 'too_many_waiting' });
    client.abort(running);
    for (const requestId of waiting) expect((await client.answer(requestId)).text).toBe('t0');
  });

  it('P9: a peer that answers no ping is ended; one that does stays', async () => {
    const pinging = await stack.replica({ CHAT_PING_MS: '1000' });
    const base = `${pinging.url.replace('http', 'ws')}/v1/chat`;
    const [dead, alive] = [await chatOf(undefined, { autoPong: false }, base), await chatOf(undefined, {}, base)];
    let pings = 0;
    dead.ws.on('ping', () => (pings += 1));
    expect((await dead.closed).code).toBe(1006);
    expect(pings).toBe(2);
    expect((await alive.ended(alive.resume('c'))).type).toBe('no-active');
  });
});
