import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { APICallError, generateText, streamText } from 'ai';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestStack, type TestTenant, testStack } from '../support/stack.ts';
import { numbered, scripted, theCall } from '../support/witness.ts';

/* The AI SDK's provider for OpenAI-compatible servers, unmodified, with a bot as its model. */

let stack: TestStack;
let tenant: TestTenant;

beforeAll(async () => {
  stack = await testStack();
  tenant = await stack.tenant({ instructions: 'Speak of ships only.' });
});
afterAll(() => stack.close());

function model(id = tenant.botId, apiKey = tenant.apiKey) {
  return createOpenAICompatible({ name: 'parley', baseURL: `${stack.url}/v1`, apiKey, includeUsage: true })(id);
}

it('generateText gives the model’s words, reason and usage', async () => {
  const prompt = scripted({ tokens: 11 });
  const result = await generateText({ model: model(), system: 'Speak of trains.', prompt, maxRetries: 0 });
  const call = await theCall(stack, prompt);
  expect(result.text).toBe(call.text_served);
  expect(result.finishReason).toBe('stop');
  expect(result.usage).toMatchObject({ inputTokens: call.prompt_tokens, outputTokens: 11 });
  // The bot's instructions begin the prompt, and the caller's follow in a channel of their own.
  expect(call.system).toMatch(
    /^<instructions ref="\w+">\nSpeak of ships only\.\n<\/instructions>\n<rules-(\w+)>\n[^<]+\n<\/rules-\1>\n<caller-\1>\nSpeak of trains\.\n<\/caller-\1>$/,
  );
});

it('streamText streams them, and tells of a cut by max tokens', async () => {
  const prompt = scripted({ tokens: 40, tokens_per_second: 200 });
  const result = streamText({ model: model(), prompt, maxRetries: 0, maxOutputTokens: 25 });
  const pieces: string[] = [];
  for await (const piece of result.textStream) pieces.push(piece);
  expect(pieces.length).toBeGreaterThan(1);
  expect(pieces.join('')).toBe(numbered(25));
  expect(await result.finishReason).toBe('length');
  expect(await result.usage).toMatchObject({ outputTokens: 25 });
});

it('P8: a broken answer is an error of the stream', async () => {
  const errors: unknown[] = [];
  const prompt = scripted({ tokens: 20, cut_after_tokens: 5 });
  const result = streamText({ model: model(), prompt, maxRetries: 0, onError: ({ error }) => void errors.push(error) });
  const parts: { type: string; finishReason?: string }[] = [];
  for await (const part of result.fullStream) parts.push(part);
  expect(errors).toHaveLength(1);
  expect(parts.some(({ type }) => type === 'error')).toBe(true);
  expect(parts.filter(({ type }) => type === 'finish').every(({ finishReason }) => finishReason === 'error')).toBe(true);
});

it('a refusal shows our message', async () => {
  const foreign = (await stack.tenant()).botId;
  const refusals: [model: ReturnType<typeof model>, status: number, message: string][] = [
    [model(foreign), 404, 'There is no such bot.'],
    [model(tenant.botId, 'sk_live_wrong'), 401, 'credential'],
  ];
  for (const [refusing, status, message] of refusals) {
    const error: APICallError = await generateText({ model: refusing, prompt: 'Hello', maxRetries: 0 }).then(
      () => expect.unreachable('it was let through'),
      (thrown) => thrown,
    );
    expect(APICallError.isInstance(error)).toBe(true);
    expect(error.statusCode).toBe(status);
    expect(error.message).toContain(message);
  }
});
