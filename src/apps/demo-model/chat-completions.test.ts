import OpenAI, { APIError } from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startDemoModel, type RunningDemoModel } from './server.ts';

let server: RunningDemoModel;
let client: OpenAI;
beforeAll(async () => {
  server = await startDemoModel({ tokensPerSecond: 0, firstTokenMs: 0 });
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'sk-test', maxRetries: 0 });
});
afterAll(() => server.close());

const question = [{ role: 'user' as const, content: 'Why is the sky blue?' }];
// A header holds ASCII only: the rest of the script's JSON is escaped.
const ascii = (script: object) =>
  JSON.stringify(script).replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
const scripted = (script: object) => ({ headers: { 'x-demo-script': ascii(script) } });
const ask = (more: object = {}, script: object = {}) =>
  client.chat.completions.create({ model: 'demo-small', messages: question, ...more, stream: false }, scripted(script));
const refusal = async (promise: PromiseLike<unknown>): Promise<APIError> => {
  const error = await Promise.resolve(promise).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(APIError);
  return error as APIError;
};

test('a whole answer has OpenAI’s shape and counts its tokens', async () => {
  const whole = await ask({}, { tokens: 5 });
  expect(whole.object).toBe('chat.completion');
  expect(whole.id).toMatch(/^chatcmpl-/);
  expect(whole.choices).toHaveLength(1);
  expect(whole.choices[0]).toMatchObject({ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 't0 t1 t2 t3 t4' } });
  // "Why is the sky blue?" is six tokens, four frame the message and three begin the answer.
  expect(whole.usage).toMatchObject({ prompt_tokens: 13, completion_tokens: 5, total_tokens: 18 });
});

test('a stream sends one token an event, the role first, then finish reason and usage', async () => {
  const stream = await client.chat.completions.create(
    { model: 'demo-small', messages: question, stream: true, stream_options: { include_usage: true } },
    scripted({ tokens: 3 }),
  );
  const chunks: OpenAI.ChatCompletionChunk[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  expect(chunks[0]?.choices[0]?.delta.role).toBe('assistant');
  expect(chunks.map((chunk) => chunk.choices[0]?.delta.content)).toEqual(['', 't0', ' t1', ' t2', undefined, undefined]);
  expect(chunks.map((chunk) => chunk.choices[0]?.finish_reason ?? null)).toEqual([null, null, null, null, 'stop', null]);
  expect(chunks.at(-1)?.choices).toEqual([]);
  expect(chunks.at(-1)?.usage).toMatchObject({ completion_tokens: 3, total_tokens: 16 });
  expect(new Set(chunks.map((chunk) => chunk.id)).size).toBe(1);
});

test('streamed and whole, the answer to the same messages is the same', async () => {
  const whole = (await ask()).choices[0]?.message.content;
  const final = await client.chat.completions.stream({ model: 'demo-small', messages: question }).finalContent();
  expect(final).toBe(whole);
  expect(whole).toContain('Why is the sky blue?');
});

test.each(['max_tokens', 'max_completion_tokens'])('%s cuts the answer with the finish reason length', async (name) => {
  const whole = await ask({ [name]: 2 }, { tokens: 5 });
  expect(whole.choices[0]).toMatchObject({ finish_reason: 'length', message: { content: 't0 t1' } });
  expect(whole.usage?.completion_tokens).toBe(2);
  expect((await ask({ [name]: 5 }, { tokens: 5 })).choices[0]?.finish_reason).toBe('stop');
});

test('stop ends the answer before the first of its sequences', async () => {
  const whole = await ask({ stop: ['t9', ' t3'] }, { tokens: 12 });
  expect(whole.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: 't0 t1 t2' } });
});

test.each([
  ['a scripted answer', { tokens: 30 }],
  ['an answer of its own', {}],
])('%s is continued after a prefix with exactly the rest', async (_name, script) => {
  const whole = (await ask({}, script)).choices[0]?.message.content ?? '';
  const prefix = whole.slice(0, Math.floor(whole.length / 2));
  const rest = await ask(
    { messages: [...question, { role: 'assistant', content: prefix }], continue_final_message: true, add_generation_prompt: false },
    script,
  );
  expect(prefix.length).toBeGreaterThan(20);
  expect(prefix + rest.choices[0]?.message.content).toBe(whole);
  expect(await server.witness.waitFor((entry) => entry.id === rest.id)).toMatchObject({ continued_prefix: 'matched' });
});

test('a prefix that is not ours is told apart, and a continuation needs its two fields and an assistant message', async () => {
  const continued = { continue_final_message: true, add_generation_prompt: false };
  const foreign = await ask({ messages: [...question, { role: 'assistant', content: 'Rayleigh' }], ...continued }, { text: 'Ours.' });
  expect(foreign.choices[0]?.message.content).toBe('\n\nOurs.');
  expect(await server.witness.waitFor((entry) => entry.id === foreign.id)).toMatchObject({ continued_prefix: 'diverged' });
  expect((await refusal(ask(continued))).status).toBe(400);
  expect((await refusal(ask({ ...continued, add_generation_prompt: true }))).status).toBe(400);
});

test('too long a prompt, or one that leaves no room for the answer asked for, is context_length_exceeded', async () => {
  const long = { messages: [{ role: 'user', content: 'word '.repeat(8192) }] };
  expect(await refusal(ask(long))).toMatchObject({ status: 400, code: 'context_length_exceeded', type: 'invalid_request_error' });
  expect(await refusal(ask({ max_tokens: 8190 }))).toMatchObject({ code: 'context_length_exceeded' });
  expect((await ask({ ...long, model: 'demo-large' }, { tokens: 1 })).choices[0]?.message.content).toBe('t0');
});

test('parts of a message are read as text', async () => {
  const parts = [
    { type: 'text', text: 'Do you see' },
    { type: 'image_url', image_url: { url: 'data:,' } },
    { type: 'text', text: 'this bird?' },
  ];
  const whole = await ask({ messages: [{ role: 'user', content: parts }] });
  expect(whole.choices[0]?.message.content).toContain('Do you see this bird?');
  expect(whole.usage?.prompt_tokens).toBeGreaterThan(85);
});

test.each([
  [{ model: 'gpt-none' }, 404, 'model_not_found'],
  [{ model: 'demo-embed' }, 400, 'model_not_supported'],
  [{ messages: [] }, 400, 'invalid_value'],
  [{ n: 2 }, 400, 'invalid_value'],
  [{ max_tokens: 0 }, 400, 'invalid_value'],
  [{ messages: [{ role: 'user', content: '[[demo: {"colour":1}]]' }] }, 400, 'invalid_demo_script'],
])('%j is refused', async (more, status, code) => {
  const plain = client.chat.completions.create({ model: 'demo-small', messages: question, ...(more as object), stream: false });
  expect(await refusal(plain)).toMatchObject({ status, code });
});

test('a script is taken from the header, else the queue, else the message, else the system message', async () => {
  const text = async (messages: { role: 'system' | 'user'; content: string }[], header?: object) => {
    const request = client.chat.completions.create({ model: 'demo-small', messages }, header === undefined ? {} : scripted(header));
    return (await request).choices[0]?.message.content;
  };
  const inSystem = { role: 'system' as const, content: '[[demo: {"text":"system"}]]' };
  const inUser = { role: 'user' as const, content: 'order [[demo: {"text":"user"}]]' };
  server.scripts.add({ scripts: [{ text: 'queue' }], match: 'order' });
  expect(await text([inSystem, inUser], { text: 'header' })).toBe('header');
  expect(await text([inSystem, inUser])).toBe('queue');
  expect(await text([inSystem, inUser])).toBe('user');
  expect(await text([inSystem, { role: 'user', content: 'order' }])).toBe('system');
});

test('first call 429 with Retry-After, second answered', async () => {
  server.scripts.add({ scripts: [{ status: 429, retry_after: 7, retry_after_ms: 7000 }], match: 'busy' });
  const messages = [{ role: 'user' as const, content: 'busy?' }];
  const first = await refusal(client.chat.completions.create({ model: 'demo-small', messages }));
  expect(first).toMatchObject({ status: 429, code: 'rate_limit_exceeded' });
  expect(first.headers?.get('retry-after')).toBe('7');
  expect(first.headers?.get('retry-after-ms')).toBe('7000');
  expect(first.headers?.get('x-ratelimit-limit-tokens')).toBeTruthy();
  expect((await client.chat.completions.create({ model: 'demo-small', messages })).choices[0]?.message.content).toContain('busy?');
});

test('a scripted error carries the code, type and message it was given', async () => {
  const error = await refusal(ask({}, { status: 503, error_code: 'overloaded', error_type: 'server_error', message: 'Come back later.' }));
  expect(error).toMatchObject({ status: 503, code: 'overloaded', type: 'server_error' });
  expect(error.message).toContain('Come back later.');
});

test('not streamed: content filter, early end, usage and the error event', async () => {
  expect((await ask({}, { tokens: 9, content_filter_after_tokens: 2 })).choices[0]).toMatchObject({
    finish_reason: 'content_filter',
    message: { content: 't0 t1' },
  });
  expect((await ask({}, { tokens: 9, end_after_tokens: 2 })).choices[0]).toMatchObject({
    finish_reason: null,
    message: { content: 't0 t1' },
  });
  expect((await ask({}, { tokens: 2, finish_reason: 'tool_calls' })).choices[0]?.finish_reason).toBe('tool_calls');
  expect((await ask({}, { usage: 'missing' })).usage).toBeUndefined();
  expect((await ask({}, { usage: 'zero' })).usage?.total_tokens).toBe(0);
  expect((await refusal(ask({}, { error_event_after_tokens: 1 }))).status).toBe(500);
});

test.each([{ cut_after_tokens: 1 }, { malformed_after_tokens: 1 }])('not streamed: %j gives no answer', async (script) => {
  await expect(ask({}, { tokens: 9, ...script })).rejects.toThrow();
});

test('not streamed: a stall ends after stall_ms, and drips arrive whole', async () => {
  const text = 'Grüße 🙂 an alle';
  expect((await ask({}, { text, stall_after_tokens: 1, stall_ms: 30 })).choices[0]?.message.content).toBe(text);
  expect((await ask({}, { text, drip_bytes: 3 })).choices[0]?.message.content).toBe(text);
});

test('streamed: the client raises an error event after the tokens before it', async () => {
  const stream = await client.chat.completions.create(
    { model: 'demo-small', messages: question, stream: true },
    scripted({ tokens: 9, error_event_after_tokens: 2, message: 'Engine fell over.', error_code: 'engine_down' }),
  );
  let content = '';
  const read = async () => {
    for await (const chunk of stream) content += chunk.choices[0]?.delta.content ?? '';
  };
  await expect(read()).rejects.toMatchObject({ code: 'engine_down' });
  expect(content).toBe('t0 t1');
  expect(await server.witness.waitFor((entry) => entry.stream && entry.outcome === 'error')).toMatchObject({ tokens_served: 2 });
});
