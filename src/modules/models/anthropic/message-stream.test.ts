import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { ModelError } from '../model-provider.ts';
import { failureOf } from './anthropic-errors.ts';
import { readMessageStream } from './message-stream.ts';

const usage = { input_tokens: 25, cache_creation_input_tokens: 3, cache_read_input_tokens: 40, output_tokens: 1 };
const start = { type: 'message_start', message: { id: 'msg_1', content: [], stop_reason: null, usage } };
const block = (type = 'text') => ({ type: 'content_block_start', index: 0, content_block: { type, text: '' } });
const text = (piece: unknown) => ({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: piece } });
const stopped = (stop_reason: string | null, counted: object = { output_tokens: 15 }) => ({
  type: 'message_delta',
  delta: { stop_reason, stop_sequence: null },
  usage: counted,
});
const stop = { type: 'message_stop' };

/** Reads these events, as the API writes them; a number is a wait in milliseconds. */
async function read(events: (object | number)[], idleMs = 1_000) {
  const body = new PassThrough();
  let shown = '';
  const limits = { idleMs, remainingMs: 5_000, maxOutputTokens: 100, signal: new AbortController().signal };
  const answer = readMessageStream(body, (piece) => (shown += piece), limits).then(
    (result) => ({ result }),
    (error: ModelError) => ({ failure: error.failure }),
  );
  for (const event of events) {
    if (typeof event === 'number') await sleep(event);
    else body.write(`event: ${(event as { type: string }).type}\ndata: ${JSON.stringify(event)}\n\n`);
  }
  body.end();
  return { ...(await answer), text: shown };
}

describe('a message', () => {
  it('counts as input what came from a cache or went to one', async () => {
    const answer = await read([start, block(), text('Hello'), { type: 'content_block_stop', index: 0 }, stopped('end_turn'), stop]);
    expect(answer).toMatchObject({ text: 'Hello', result: { finishReason: 'stop', usage: { inputTokens: 68, outputTokens: 15 } } });
  });

  it('takes the last count of each kind, and null for no news', async () => {
    const last = { input_tokens: null, cache_creation_input_tokens: 0, cache_read_input_tokens: null, output_tokens: 9 };
    expect(await read([start, block(), text('a'), stopped(null, { output_tokens: 4 }), stopped('end_turn', last), stop])).toMatchObject({
      result: { usage: { inputTokens: 65, outputTokens: 9 } },
    });
  });

  it.each([{}, { output_tokens: '15' }, { output_tokens: -1 }, { output_tokens: 0 }])('has no usage where it says %j', async (counted) => {
    expect(await read([start, block(), text('a'), stopped('end_turn', counted), stop])).toEqual({
      text: 'a',
      result: { finishReason: 'stop' },
    });
  });

  it('passes over events that are yet to be invented, and text of other kinds', async () => {
    const thought = { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'secret' } };
    expect(
      await read([start, { type: 'novelty', text: 'x' }, block('thinking'), thought, block(), text('a'), stopped('end_turn')]),
    ).toMatchObject({
      text: 'a',
      result: { finishReason: 'stop' },
    });
  });

  it('is truncated without a stop reason, even where it says that it has stopped', async () => {
    expect(await read([start, block(), text('a'), stopped(null), stop])).toMatchObject({ text: 'a', failure: 'truncated' });
    expect(await read([])).toMatchObject({ failure: 'truncated' });
  });

  it('is a bad response where its text is none', async () => {
    expect(await read([start, block(), text(['a']), stopped('end_turn'), stop])).toMatchObject({ failure: 'bad_response' });
  });
});

describe('patience', () => {
  it('is kept up by thoughts, and by pings while they are not shown', async () => {
    const ping = { type: 'ping' };
    const pings = Array.from({ length: 6 }, () => [100, ping]).flat();
    expect(await read([start, block('thinking'), ...pings, block(), text('a'), stopped('end_turn'), stop], 300)).toMatchObject({
      text: 'a',
    });
    expect(await read([start, block(), ...pings, text('a'), stopped('end_turn'), stop], 300)).toMatchObject({
      text: '',
      failure: 'timeout',
    });
  });
});

describe('an error', () => {
  it.each([
    ['overloaded_error', 'server_error'],
    ['rate_limit_error', 'throttled'],
    ['authentication_error', 'credential'],
    ['billing_error', 'credential'],
    ['timeout_error', 'timeout'],
    ['invalid_request_error', 'invalid_request'],
    ['constructor', 'server_error'],
  ])('of type %s inside an answer is %s', async (type, failure) => {
    expect(await read([start, block(), text('a'), { type: 'error', error: { type, message: 'x' } }])).toMatchObject({ text: 'a', failure });
  });

  it.each([
    ['prompt is too long: 207791 tokens > 200000 maximum', 'context_too_long'],
    ['input length and `max_tokens` exceed context limit: 184915 + 20000 > 204648, decrease input length', 'context_too_long'],
    ['messages: at least one message is required', 'invalid_request'],
  ])('that says %j is %s', (message, failure) => {
    expect(failureOf({ status: 400, type: 'invalid_request_error', message })).toBe(failure);
  });

  it('that is too large a request is too long a context', () => {
    expect(failureOf({ status: 413, type: 'request_too_large' })).toBe('context_too_long');
    expect(failureOf({ status: 413 })).toBe('context_too_long');
  });
});
