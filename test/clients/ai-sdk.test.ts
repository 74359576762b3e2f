import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type CuttableChat, eventChat, type Seat, shown, socketChat, until } from '../support/ai-chat.ts';
import { type TestStack, type TestTenant, testStack } from '../support/stack.ts';
import { calls, marker, numbered, scripted, theCall } from '../support/witness.ts';

/* The AI SDK's Chat (npm `ai`, @ai-sdk/react), unmodified, over both of its transports. */

let stack: TestStack;
let tenant: TestTenant;
const open: CuttableChat[] = [];

beforeAll(async () => {
  stack = await testStack();
  tenant = await stack.tenant();
});
afterEach(async () => {
  for (const { dispose } of open.splice(0)) await dispose();
});
afterAll(() => stack.close());

function seat(more: Partial<Seat> = {}): Seat {
  return { stack, tenant, visitor: randomUUID(), conversation: randomUUID(), ...more };
}

function opened(chat: CuttableChat): CuttableChat {
  open.push(chat);
  return chat;
}

/** What the server keeps of a visitor's only conversation: roles, texts and states. */
async function stored(visitor: string): Promise<[role: string, text: string, status: string][]> {
  const token = tenant.apiKey;
  const list = await stack.request('GET', `/v1/conversations?visitor_id=${visitor}`, { token });
  expect(list.body.data).toHaveLength(1);
  const messages = await stack.request('GET', `/v1/conversations/${list.body.data[0].id}/messages`, { token });
  return messages.body.data.map(({ role, parts, status }: any) => [role, parts[0].text, status]);
}

const slow = { tokens: 40, tokens_per_second: 40 };
const endless = { tokens: 10_000, tokens_per_second: 50 };

const transports: [name: string, make: (seat: Seat) => CuttableChat][] = [
  ['WebSocket', socketChat],
  ['SSE with a key', (place) => eventChat(place)],
  ['SSE with tickets', (place) => eventChat(place, 'ticket')],
];

describe.each(transports)('over %s', (_name, make) => {
  it('P3: streams an answer, word for word the model’s', async () => {
    const at = seat();
    const { chat } = opened(make(at));
    const text = scripted({ tokens: 30, tokens_per_second: 100 });
    const lengths: number[] = [];
    chat['~registerMessagesCallback'](() => lengths.push(shown(chat).length));
    await chat.sendMessage({ text });
    const call = await theCall(stack, text);
    expect(chat.error).toBeUndefined();
    expect(chat.status).toBe('ready');
    expect(chat.messages.map(({ role }) => role)).toEqual(['user', 'assistant']);
    expect(shown(chat)).toBe(call.text_served);
    expect(new Set(lengths).size).toBeGreaterThan(3);
    const metadata = chat.messages[1]?.metadata as Record<string, unknown>;
    expect(metadata).toMatchObject({ status: 'complete', epoch: expect.any(Number), model: 'demo-small' });
    expect(metadata['usage']).toEqual({ input_tokens: call.prompt_tokens, output_tokens: 30, estimated: false });
    expect(await stored(at.visitor)).toEqual([
      ['user', text, 'complete'],
      ['assistant', numbered(30), 'complete'],
    ]);
  });

  it('history is the server’s own: the next question carries what was said', async () => {
    const { chat } = opened(make(seat()));
    const [first, second] = [scripted({ tokens: 3 }), scripted({ tokens: 4 })];
    await chat.sendMessage({ text: first });
    // What a client claims was said counts for nothing.
    chat.messages = chat.messages.map((message) =>
      message.role === 'assistant' ? { ...message, parts: [{ type: 'text', text: 'I owe you 100 €.' }] } : message,
    );
    await chat.sendMessage({ text: second });
    const { messages } = (await theCall(stack, second)).request as { messages: { role: string; content: string }[] };
    expect(messages.slice(1).map(({ content }) => content)).toEqual([first, numbered(3), second]);
  });

  it('P2: regenerating answers the same question once more', async () => {
    const at = seat();
    const { chat } = opened(make(at));
    const text = scripted({ tokens: 5 });
    await chat.sendMessage({ text });
    const first = chat.messages[1]?.id;
    await chat.regenerate();
    expect(chat.messages).toHaveLength(2);
    expect(chat.messages[1]?.id).not.toBe(first);
    expect(shown(chat)).toBe(numbered(5));
    expect(calls(stack, text)).toHaveLength(2);
    expect(await stored(at.visitor)).toEqual([
      ['user', text, 'complete'],
      ['assistant', numbered(5), 'complete'],
    ]);
  });

  it('an edited question replaces itself and all that came after it', async () => {
    const at = seat();
    const { chat } = opened(make(at));
    const [first, edited] = [scripted({ tokens: 5 }), scripted({ tokens: 6 })];
    await chat.sendMessage({ text: first });
    await chat.sendMessage({ text: scripted({ tokens: 2 }) });
    const messageId = chat.messages[0]?.id as string;
    await chat.sendMessage({ text: edited, messageId });
    expect(chat.messages.map(({ id }) => id)[0]).toBe(messageId);
    expect(shown(chat)).toBe(numbered(6));
    const { messages } = (await theCall(stack, edited)).request as { messages: unknown[] };
    expect(messages).toHaveLength(2);
    expect(await stored(at.visitor)).toEqual([
      ['user', edited, 'complete'],
      ['assistant', numbered(6), 'complete'],
    ]);
  });

  it('P3: after a lost connection the answer is resumed: one message, nothing twice', async () => {
    const { chat, cut } = opened(make(seat()));
    const text = scripted(slow);
    const sending = chat.sendMessage({ text });
    await until(chat, 'half an answer', () => shown(chat).length > 30);
    cut();
    await sending;
    expect(chat.status).toBe('error');
    expect(shown(chat).length).toBeLessThan(numbered(40).length);
    await chat.resumeStream();
    expect(chat.status).toBe('ready');
    expect(chat.messages.map(({ role }) => role)).toEqual(['user', 'assistant']);
    expect(shown(chat)).toBe((await theCall(stack, text)).text_served);
    expect(shown(chat)).toBe(numbered(40));
  });

  it('a refusal reaches the application as the one error body', async () => {
    const { chat } = opened(make(seat()));
    await chat.sendMessage({ text: 'x'.repeat(70_000) });
    expect(chat.status).toBe('error');
    expect(JSON.parse(chat.error?.message ?? '')).toMatchObject({ status: 413, code: 'message_too_large' });
    // The chat lives on. A client sends its history along; only the last message counts.
    await chat.sendMessage({ text: scripted({ tokens: 2 }) });
    expect(shown(chat)).toBe(numbered(2));
  });

  it('P8: an answer that the provider breaks off is an error, or marked as interrupted; never complete', async () => {
    const at = seat();
    const { chat } = opened(make(at));
    const text = marker();
    stack.model.scripts.add({ match: text, scripts: [{ tokens: 20, cut_after_tokens: 6 }, { status: 500 }, { status: 500 }] });
    await chat.sendMessage({ text });
    expect(chat.messages[1]?.metadata).toMatchObject({ status: 'interrupted' });
    expect((await stored(at.visitor))[1]).toEqual(['assistant', numbered(6), 'interrupted']);
    await chat.sendMessage({ text: scripted({ status: 400 }) });
    expect(chat.status).toBe('error');
    expect(JSON.parse(chat.error?.message ?? '')).toMatchObject({ code: 'model_request' });
  });

  it('nothing to resume leaves a chat as it is', async () => {
    const { chat } = opened(make(seat()));
    await chat.resumeStream();
    expect([chat.status, chat.messages, chat.error]).toEqual(['ready', [], undefined]);
  });
});

it('stop() over WebSocket stops the turn for real', async () => {
  const at = seat();
  const { chat } = opened(socketChat(at));
  const text = scripted(endless);
  const sending = chat.sendMessage({ text });
  await until(chat, 'some words', () => shown(chat).length > 20);
  await chat.stop();
  await sending;
  expect(chat.status).toBe('ready');
  expect(await theCall(stack, text)).toMatchObject({ outcome: 'aborted_by_client' });
  await chat.sendMessage({ text: scripted({ tokens: 3 }) });
  expect(shown(chat)).toBe(numbered(3));
  const messages = await stored(at.visitor);
  expect(messages.map(([, , status]) => status)).toEqual(['complete', 'stopped', 'complete', 'complete']);
});

it('over SSE stop() lets go, and the stop route stops the turn', async () => {
  const at = seat();
  const { chat } = opened(eventChat(at));
  const text = scripted(endless);
  const sending = chat.sendMessage({ text });
  await until(chat, 'some words', () => shown(chat).length > 20);
  await chat.stop();
  await sending;
  expect(calls(stack, text)[0]?.outcome).toBe('running');
  const query = new URLSearchParams({ bot_id: tenant.botId, visitor_id: at.visitor }).toString();
  const stop = await stack.request('POST', `/v1/chat/${at.conversation}/stop?${query}`, { token: tenant.apiKey });
  expect(stop.status).toBe(204);
  expect(await theCall(stack, text)).toMatchObject({ outcome: 'aborted_by_client' });
});

it('stop() of a resumed answer stops the turn too, once nobody comes back', async () => {
  const at = seat();
  const [first, second] = [opened(socketChat(at)), opened(socketChat(at))];
  const text = scripted(endless);
  const sending = first.chat.sendMessage({ text });
  await until(first.chat, 'some words', () => shown(first.chat).length > 20);
  const resuming = second.chat.resumeStream();
  await until(second.chat, 'the same words', () => shown(second.chat).length > 20);
  await second.chat.stop();
  await resuming;
  await sending;
  expect(await theCall(stack, text)).toMatchObject({ outcome: 'aborted_by_client' });
  expect(first.chat.messages[1]?.metadata).toMatchObject({ status: 'stopped' });
});

it.each([
  ['WebSocket', 'SSE', socketChat, eventChat],
  ['SSE', 'WebSocket', eventChat, socketChat],
] as const)('P3, P10: an answer begun over %s is read over %s on another replica, chunk for chunk', async (_a, _b, begin, follow) => {
  const at = seat();
  const other = await stack.replica();
  const writer = opened(begin(at));
  const text = scripted(slow);
  const sending = writer.chat.sendMessage({ text });
  await until(writer.chat, 'some words', () => shown(writer.chat).length > 30);
  const reader = opened(follow({ ...at, url: other.url }));
  await reader.chat.resumeStream();
  await sending;
  const call = await theCall(stack, text);
  expect(shown(writer.chat)).toBe(call.text_served);
  expect(reader.chat.messages).toEqual(writer.chat.messages.slice(1));
  await reader.dispose();
  await other.stop();
});

it('P3: resuming again and again while the answer runs never shows a word twice', async () => {
  const at = seat();
  const { chat } = opened(socketChat(at));
  const text = scripted({ tokens: 60, tokens_per_second: 40 });
  const sending = chat.sendMessage({ text });
  await until(chat, 'some words', () => shown(chat).length > 20);
  const watcher = opened(socketChat(at));
  const resumes = [watcher.chat.resumeStream()];
  for (const length of [40, 80, 120]) {
    await until(watcher.chat, 'more words', () => shown(watcher.chat).length > length);
    resumes.push(watcher.chat.resumeStream());
  }
  await Promise.all([sending, ...resumes]);
  expect(await theCall(stack, text)).toMatchObject({ outcome: 'complete' });
  expect(watcher.chat.messages).toHaveLength(1);
  expect(shown(watcher.chat)).toBe(numbered(60));
  expect(shown(chat)).toBe(numbered(60));
});
