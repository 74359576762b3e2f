import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type ChatClient, openChat } from '../support/chat-client.ts';
import type { RunningServer } from '../../src/apps/server.main.ts';
import { type TestStack, type TestTenant, testStack } from '../support/stack.ts';
import { begun, calls, numbered, scripted, theCall } from '../support/witness.ts';

/* The wire frame by frame: copies of sends, resumes and aborts, over two replicas. */

let stack: TestStack;
let tenant: TestTenant;
let other: RunningServer;
const clients: ChatClient[] = [];

beforeAll(async () => {
  stack = await testStack();
  tenant = await stack.tenant();
  other = await stack.replica();
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
});
afterAll(() => stack.close());

async function chatOf(visitor: string, server: { url: string } = stack.server): Promise<ChatClient> {
  const query = new URLSearchParams({ bot_id: tenant.botId, visitor_id: visitor }).toString();
  const client = await openChat(`${server.url.replace('http', 'ws')}/v1/chat?${query}`, { credential: tenant.apiKey });
  clients.push(client);
  return client;
}

/** The visitor's stored messages: role, text, status. */
async function stored(visitor: string): Promise<[string, string, string][]> {
  const token = tenant.apiKey;
  const list = await stack.request('GET', `/v1/conversations?visitor_id=${visitor}`, { token });
  expect(list.body.data).toHaveLength(1);
  const messages = await stack.request('GET', `/v1/conversations/${list.body.data[0].id}/messages`, { token });
  return messages.body.data.map(({ role, parts, status }: any) => [role, parts[0].text, status]);
}

const endless = { tokens: 10_000, tokens_per_second: 50 };

describe('one send, one turn', () => {
  it('P2, P3: a message sent 20 times at once over 4 sockets and 2 replicas is one turn, and all readers read the same', async () => {
    const visitor = randomUUID();
    const sockets = await Promise.all([stack.server, other, stack.server, other].map((server) => chatOf(visitor, server)));
    const [text, messageId] = [scripted({ tokens: 40, tokens_per_second: 80 }), randomUUID()];
    const asked = Array.from({ length: 20 }, (_, at) => {
      const client = sockets[at % 4] as ChatClient;
      return { client, requestId: client.ask('c', text, { messageId }) };
    });
    const answers = await Promise.all(asked.map(({ client, requestId }) => client.answer(requestId)));
    const call = await theCall(stack, text);
    expect(new Set(answers.map(({ chunks }) => chunks.join('\n'))).size).toBe(1);
    expect(answers[0]).toMatchObject({ text: call.text_served, finishReason: 'stop' });
    expect(await stored(visitor)).toEqual([
      ['user', text, 'complete'],
      ['assistant', numbered(40), 'complete'],
    ]);
    // A copy that comes late joins too.
    const late = await chatOf(visitor, other);
    expect((await late.answer(late.ask('c', text, { messageId }))).chunks).toEqual(answers[0]?.chunks);
    expect(calls(stack, text)).toHaveLength(1);
  });

  it('P2: the same id with another text is a conflict', async () => {
    const client = await chatOf(randomUUID());
    const [first, second, messageId] = [scripted({ tokens: 1 }), scripted({ tokens: 1 }), randomUUID()];
    await client.answer(client.ask('c', first, { messageId }));
    expect(await client.problem(client.ask('c', second, { messageId }))).toMatchObject({ status: 409, code: 'message_conflict' });
    expect(calls(stack, second)).toHaveLength(0);
  });

  it('messages that come while one is answered wait, and are answered in their order', async () => {
    const visitor = randomUUID();
    const [here, there] = [await chatOf(visitor), await chatOf(visitor, other)];
    const texts = [scripted({ tokens: 30, tokens_per_second: 60 }), scripted({ tokens: 3 }), scripted({ tokens: 4 })] as const;
    const first = here.ask('c', texts[0]);
    await here.shows(first, 4);
    const second = here.ask('c', texts[1]);
    await here.until('its ack', ({ type, requestId }) => type === 'start' && requestId === second);
    const third = there.ask('c', texts[2]);
    const answers = [await here.answer(first), await here.answer(second), await there.answer(third)];
    expect(answers.map(({ text }) => text)).toEqual([numbered(30), numbered(3), numbered(4)]);
    expect((await stored(visitor)).map(([, text]) => text)).toEqual([texts[0], numbered(30), texts[1], numbered(3), texts[2], numbered(4)]);
    const { messages } = (await theCall(stack, texts[2])).request as { messages: unknown[] };
    expect(messages).toHaveLength(6);
  });
});

describe('resume', () => {
  it('P3, P10: with a cursor gives only the rest, on any replica; with any other replays', async () => {
    const visitor = randomUUID();
    const writer = await chatOf(visitor);
    const text = scripted({ tokens: 60, tokens_per_second: 60 });
    const sent = writer.ask('c', text);
    await writer.shows(sent, 40);
    const soFar = writer.read(sent);
    for (const server of [stack.server, other]) {
      const reader = await chatOf(visitor, server);
      const rest = reader.resume('c', `${soFar.cursorPrefix}${soFar.last}`);
      const whole = reader.resume('c');
      const wrong = [reader.resume('c', 'nonsense'), reader.resume('c', soFar.cursorPrefix.replace(/\d+:$/, '99:3'))];
      await reader.ended(rest);
      const all = await reader.answer(whole);
      expect([...soFar.chunks, ...reader.read(rest, soFar.last + 1).chunks]).toEqual(all.chunks);
      for (const requestId of wrong) expect((await reader.answer(requestId)).chunks).toEqual(all.chunks);
      expect(all.chunks).toEqual((await writer.answer(sent)).chunks);
      expect(all.text).toBe((await theCall(stack, text)).text_served);
    }
  });

  it('a closed socket is not an abort: the answer goes on, and can be read', async () => {
    const visitor = randomUUID();
    const writer = await chatOf(visitor);
    const text = scripted({ tokens: 50, tokens_per_second: 50 });
    await writer.shows(writer.ask('c', text), 20);
    writer.ws.terminate();
    await writer.closed;
    expect(await theCall(stack, text)).toMatchObject({ outcome: 'complete' });
    const reader = await chatOf(visitor, other);
    expect(await reader.answer(reader.resume('c'))).toMatchObject({ text: numbered(50), finishReason: 'stop' });
  });

  it('without any turn says so; a conversation of somebody else is not found', async () => {
    const [mine, theirs] = [await chatOf(randomUUID()), await chatOf(randomUUID())];
    expect((await mine.ended(mine.resume('c'))).type).toBe('no-active');
    const requestId = theirs.ask('c', scripted({ tokens: 1 }));
    const answer = await theirs.answer(requestId);
    const conversation = JSON.parse(answer.chunks[0] as string).messageMetadata.conversation_id as string;
    expect((await theirs.answer(theirs.resume(conversation))).chunks).toEqual(answer.chunks);
    for (const refused of [
      mine.resume(conversation),
      mine.ask(conversation, scripted({ tokens: 1 })),
      mine.resume(`conv_${'0'.repeat(26)}`),
    ]) {
      expect(await mine.problem(refused)).toMatchObject({ status: 404, code: 'not_found' });
    }
    // The same name means another conversation for another visitor.
    expect((await mine.ended(mine.resume('c'))).type).toBe('no-active');
  });
});

describe('abort', () => {
  it('P8: of a send stops the turn: the model is hung up on, and nothing looks complete', async () => {
    const visitor = randomUUID();
    const [client, reader] = [await chatOf(visitor), await chatOf(visitor, other)];
    const text = scripted(endless);
    const sent = client.ask('c', text);
    await client.shows(sent, 20);
    const following = reader.resume('c');
    await reader.shows(following, 20);
    client.abort(sent);
    const call = await theCall(stack, text);
    expect(call.outcome).toBe('aborted_by_client');
    const answer = await reader.answer(following);
    expect(answer.finishReason).toBe('interrupted');
    expect(call.text_served.startsWith(answer.text)).toBe(true);
    expect(await stored(visitor)).toEqual([
      ['user', text, 'complete'],
      ['assistant', answer.text, 'stopped'],
    ]);
    expect(await client.answer(client.resume('c'))).toMatchObject({ text: answer.text, finishReason: 'interrupted' });
    expect(client.frames.filter(({ requestId }) => requestId === sent).at(-1)?.type).toBe('chunk');
  });

  it('P10: from another replica than the one that runs the turn', async () => {
    const visitor = randomUUID();
    const [here, there] = [await chatOf(visitor), await chatOf(visitor, other)];
    const [text, messageId] = [scripted(endless), randomUUID()];
    const sent = here.ask('c', text, { messageId });
    await here.shows(sent, 10);
    const copy = there.ask('c', text, { messageId });
    await there.shows(copy, 10);
    there.abort(copy);
    expect(await theCall(stack, text)).toMatchObject({ outcome: 'aborted_by_client' });
    expect((await here.answer(sent)).finishReason).toBe('interrupted');
  });

  it('of a message that still waits: it is never asked', async () => {
    const visitor = randomUUID();
    const client = await chatOf(visitor);
    const [first, second] = [scripted({ tokens: 30, tokens_per_second: 60 }), scripted({ tokens: 1 })];
    const running = client.ask('c', first);
    await begun(stack, first);
    const waiting = client.ask('c', second);
    await client.until('its ack', ({ type, requestId }) => type === 'start' && requestId === waiting);
    client.abort(waiting);
    expect((await client.answer(running)).text).toBe(numbered(30));
    const third = scripted({ tokens: 2 });
    expect((await client.answer(client.ask('c', third))).text).toBe('t0 t1');
    expect(calls(stack, second)).toHaveLength(0);
  });

  it('of a resume lets go of this reader, and stops the turn a second later', async () => {
    const visitor = randomUUID();
    const writer = await chatOf(visitor);
    const text = scripted(endless);
    await writer.shows(writer.ask('c', text), 10);
    writer.ws.terminate();
    const reader = await chatOf(visitor, other);
    const following = reader.resume('c');
    await reader.shows(following, 20);
    const since = Date.now();
    reader.abort(following);
    expect(await theCall(stack, text)).toMatchObject({ outcome: 'aborted_by_client' });
    expect(Date.now() - since).toBeGreaterThan(900);
  });

  it('of a resume that is resumed again at once changes nothing', async () => {
    const visitor = randomUUID();
    const client = await chatOf(visitor);
    const text = scripted({ tokens: 100, tokens_per_second: 60 });
    const sent = client.ask('c', text);
    await client.shows(sent, 10);
    const first = client.resume('c');
    await client.shows(first, 10);
    client.abort(first);
    const second = client.resume('c');
    expect(await client.answer(second)).toMatchObject({ text: numbered(100), finishReason: 'stop' });
    expect(await theCall(stack, text)).toMatchObject({ outcome: 'complete' });
    const frames = client.frames.filter(({ requestId }) => requestId === first);
    expect(frames.at(-1)?.type).toBe('chunk');
  });

  it('of something unknown is nothing', async () => {
    const client = await chatOf(randomUUID());
    client.abort('nobody');
    expect((await client.answer(client.ask('c', scripted({ tokens: 1 })))).text).toBe('t0');
  });
});
