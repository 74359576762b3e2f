import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type RunningDemoModel, startDemoModel } from '../../../apps/demo-model/server.ts';
import { ModelError, type ModelFailure, type ModelRequest } from '../model-provider.ts';
import { OpenAiProvider } from './openai-provider.ts';

let model: RunningDemoModel;
let provider: OpenAiProvider;

beforeAll(async () => {
  model = await startDemoModel({ tokensPerSecond: 0, firstTokenMs: 0, apiKey: 'right' });
  provider = providerFor('right');
});
afterEach(() => model.witness.clear());
afterAll(async () => {
  await provider.close();
  await model.close();
});

function providerFor(apiKey: string, baseUrl = `${model.url}/v1`): OpenAiProvider {
  return new OpenAiProvider({ apiKey, baseUrl, idleTimeoutMs: 400, headersTimeoutMs: 1_000 });
}

/** Streams an answer scripted in the message; gives the text, and the result or the failure. */
async function ask(script: object, over: Partial<ModelRequest> = {}, through = provider) {
  let text = '';
  const request: ModelRequest = {
    model: 'demo-small',
    messages: [{ role: 'user', content: `Go [[demo: ${JSON.stringify(script)}]]` }],
    maxOutputTokens: 2_000,
    signal: new AbortController().signal,
    deadlineAt: Date.now() + 5_000,
    ...over,
  };
  try {
    const result = await through.stream(request, (piece) => {
      text += piece;
    });
    return { text, result };
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    return { text, failure: error.failure, error };
  }
}

const tokens = (count: number) => Array.from({ length: count }, (_, at) => `t${at}`).join(' ');

describe('a good answer', () => {
  it('comes whole, with its reason and the provider’s count', async () => {
    expect(await ask({ tokens: 50 })).toEqual({
      text: tokens(50),
      result: { finishReason: 'stop', usage: { inputTokens: expect.any(Number), outputTokens: 50 } },
    });
  });

  it.each([
    ['in slices of one byte, through characters', { text: 'Grüße 🙂 €', drip_bytes: 1 }, 'Grüße 🙂 €'],
    ['with CRLF', { tokens: 5, crlf: true }, tokens(5)],
    ['with comments', { tokens: 5, comments: true }, tokens(5)],
    ['without [DONE]', { tokens: 5, no_done: true }, tokens(5)],
    ['with late usage', { tokens: 5, usage: 'late' }, tokens(5)],
  ])('comes whole %s', async (_how, script, text) => {
    const answer = await ask(script);
    expect(answer).toMatchObject({ text, result: { finishReason: 'stop' } });
  });

  it('has no usage when the provider reported none', async () => {
    expect(await ask({ tokens: 5, usage: 'missing' })).toEqual({ text: tokens(5), result: { finishReason: 'stop' } });
  });

  it.each([
    ['length', 'length'],
    ['content_filter', 'content_filter'],
  ])('says that it ended by %s', async (finish_reason, finishReason) => {
    expect(await ask({ tokens: 5, finish_reason })).toMatchObject({ result: { finishReason } });
  });
});

describe('P8: a truncated answer never looks complete', () => {
  it.each<[string, object, ModelFailure, number]>([
    ['closes cleanly without a finish reason', { tokens: 20, end_after_tokens: 7 }, 'truncated', 7],
    ['cuts the connection', { tokens: 20, cut_after_tokens: 7 }, 'truncated', 7],
    ['ends with [DONE] but no finish reason', { tokens: 7, finish_reason: null }, 'truncated', 7],
    ['stalls in the body', { tokens: 20, stall_after_tokens: 7 }, 'timeout', 7],
    ['sends a line that is no JSON', { tokens: 20, malformed_after_tokens: 7 }, 'bad_response', 7],
    ['sends an error event', { tokens: 20, error_event_after_tokens: 7 }, 'server_error', 7],
    ['answers 200 with HTML', { tokens: 5, content_type: 'text/html' }, 'bad_response', 0],
    ['sends an event of 10 MB', { tokens: 5, huge_event_bytes: 10_000_000 }, 'bad_response', 0],
    ['names an unknown finish reason', { tokens: 5, finish_reason: 'tool_calls' }, 'bad_response', 5],
  ])('when the server %s', async (_what, script, failure, shown) => {
    const answer = await ask(script);
    expect(answer).toMatchObject({ failure });
    expect(tokens(20).startsWith(answer.text)).toBe(true);
    expect(answer.text.split(' ').filter(Boolean)).toHaveLength(shown);
  });
});

describe('a refusal', () => {
  it.each<[object, ModelFailure]>([
    [{ status: 429 }, 'throttled'],
    [{ status: 500 }, 'server_error'],
    [{ status: 503 }, 'server_error'],
    [{ status: 529 }, 'server_error'],
    [{ status: 400, error_code: 'context_length_exceeded' }, 'context_too_long'],
    [{ status: 400, error_code: 'content_filter' }, 'content_filter'],
    [{ status: 400 }, 'invalid_request'],
    [{ status: 408 }, 'timeout'],
  ])('%j is %s', async (script, failure) => {
    expect(await ask(script)).toMatchObject({ failure, text: '' });
  });

  it('of the key is a credential failure', async () => {
    const stranger = providerFor('wrong');
    expect(await ask({ tokens: 1 }, {}, stranger)).toMatchObject({ failure: 'credential' });
    await stranger.close();
  });

  it('by nobody there is unreachable', async () => {
    const nowhere = providerFor('right', 'http://127.0.0.1:9/v1');
    expect(await ask({ tokens: 1 }, {}, nowhere)).toMatchObject({ failure: 'unreachable' });
    await nowhere.close();
  });

  it('keeps the text of the provider to itself', async () => {
    const { error } = await ask({ status: 500, message: 'secret prompt echoed' });
    expect(error?.message).not.toContain('secret');
  });
});

describe('patience', () => {
  it('ends with the deadline, however lively the stream', async () => {
    expect(await ask({ tokens: 1_000, tokens_per_second: 100 }, { deadlineAt: Date.now() + 300 })).toMatchObject({ failure: 'timeout' });
  });

  it('ends when no header comes', async () => {
    expect(await ask({ tokens: 1, header_delay_ms: 4_000 })).toMatchObject({ failure: 'timeout' });
  });

  it('is not won by comments: only content is a sign of life', async () => {
    expect(await ask({ tokens: 3, tokens_per_second: 1, comments: true })).toMatchObject({ failure: 'timeout' });
  });

  it('stops the provider at once when the call is cancelled', async () => {
    const abort = new AbortController();
    const answer = ask({ tokens: 1_000, tokens_per_second: 100 }, { signal: abort.signal });
    abort.abort();
    expect(await answer).toMatchObject({ failure: 'aborted' });
    const during = new AbortController();
    const streamed = provider.stream(
      {
        model: 'demo-small',
        messages: [{ role: 'user', content: '[[demo: {"tokens":1000,"tokens_per_second":100}]]' }],
        maxOutputTokens: 2_000,
        signal: during.signal,
        deadlineAt: Date.now() + 5_000,
      },
      () => during.abort(),
    );
    await expect(streamed).rejects.toMatchObject({ failure: 'aborted' });
    const entry = await model.witness.waitFor((seen) => seen.outcome === 'aborted_by_client');
    expect(entry?.tokens_served).toBeLessThan(100);
  });
});

describe('the bound of an answer', () => {
  it.each([
    ['demo-small', 'max_tokens'],
    ['gpt-4.1-mini', 'max_tokens'],
    ['gpt-5-mini', 'max_completion_tokens'],
    ['o4-mini', 'max_completion_tokens'],
  ])('of %s is its %s', async (name, parameter) => {
    const bodies: unknown[] = [];
    const server = createServer((request, response) => {
      void request.setEncoding('utf8').on('data', (text: string) => bodies.push(JSON.parse(text)));
      request.on('end', () => response.writeHead(500).end('{}'));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const elsewhere = providerFor('right', `http://127.0.0.1:${port}/v1`);
    expect(await ask({}, { model: name, maxOutputTokens: 77 }, elsewhere)).toMatchObject({ failure: 'server_error' });
    expect(bodies).toEqual([expect.objectContaining({ [parameter]: 77 })]);
    await elsewhere.close();
    server.close();
  });
});

describe('Azure OpenAI', () => {
  it('is called by deployment, with its own header and version', async () => {
    const azure = new OpenAiProvider({
      apiKey: 'right',
      baseUrl: 'http://unused.invalid',
      azure: { endpoint: model.url, apiVersion: '2024-10-21' },
      idleTimeoutMs: 400,
      headersTimeoutMs: 1_000,
    });
    // The base URL leads nowhere, and the demo model refuses a deployment's path without a version.
    expect(await ask({ tokens: 5 }, {}, azure)).toMatchObject({ text: tokens(5), result: { finishReason: 'stop' } });
    await azure.close();
  });
});
