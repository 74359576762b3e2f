import { AIMessage, HumanMessage, SystemMessage } from '@langchain/core/messages';
import { ChatOpenAI } from '@langchain/openai';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestStack, type TestTenant, testStack } from '../support/stack.ts';
import { numbered, scripted, theCall } from '../support/witness.ts';

/* LangChain's ChatOpenAI, unmodified, with a bot as its model. */

let stack: TestStack;
let tenant: TestTenant;

beforeAll(async () => {
  stack = await testStack();
  tenant = await stack.tenant({ instructions: 'Speak of ships only.' });
});
afterAll(() => stack.close());

function chat(options: { model?: string; maxTokens?: number } = {}): ChatOpenAI {
  return new ChatOpenAI({
    model: tenant.botId,
    apiKey: tenant.apiKey,
    configuration: { baseURL: `${stack.url}/v1` },
    maxRetries: 0,
    ...options,
  });
}

it('invoke gives the model’s words and usage, and sends the history as it is', async () => {
  const text = scripted({ tokens: 8 });
  const answer = await chat().invoke([
    new SystemMessage('Be kind.'),
    new HumanMessage('first'),
    new AIMessage('second'),
    new HumanMessage(text),
  ]);
  const call = await theCall(stack, text);
  expect(answer.content).toBe(call.text_served);
  expect(answer.usage_metadata).toMatchObject({ input_tokens: call.prompt_tokens, output_tokens: 8 });
  expect(answer.response_metadata['finish_reason']).toBe('stop');
  const { messages } = call.request as { messages: { content: string }[] };
  expect(messages.map(({ content }) => content)).toEqual([
    expect.stringMatching(/^<instructions ref="\w+">\nSpeak of ships only\.\n<\/instructions>\n<rules-(\w+)>\n[^<]+\n<\/rules-\1>$/),
    expect.stringMatching(/^<caller-(\w+)>\nBe kind\.\n<\/caller-\1>$/),
    'first',
    'second',
    text,
  ]);
});

it('stream gives the same words piece by piece', async () => {
  const text = scripted({ tokens: 30, tokens_per_second: 200 });
  const pieces: string[] = [];
  for await (const piece of await chat().stream(text)) if (piece.content !== '') pieces.push(piece.content as string);
  expect(pieces.length).toBeGreaterThan(1);
  expect(pieces.join('')).toBe(numbered(30));
  expect(pieces.join('')).toBe((await theCall(stack, text)).text_served);
});

it('maxTokens bounds the answer', async () => {
  const answer = await chat({ maxTokens: 4 }).invoke(scripted({ tokens: 30 }));
  expect([answer.content, answer.response_metadata['finish_reason']]).toEqual([numbered(4), 'length']);
});

it('P8: a broken answer throws, streamed or not', async () => {
  const broken = () => scripted({ tokens: 20, cut_after_tokens: 5 });
  await expect(chat().invoke(broken())).rejects.toThrow(/cut off before its end|broke its answer off/);
  const reading = (async () => {
    for await (const _piece of await chat().stream(broken()));
  })();
  await expect(reading).rejects.toThrow(/cut off before its end|broke its answer off/);
});

it('a refusal shows our message', async () => {
  await expect(chat({ model: (await stack.tenant()).botId }).invoke('Hello')).rejects.toThrow('There is no such bot.');
});
