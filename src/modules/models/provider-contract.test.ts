import type { LookupFunction } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { MessagesServer } from '../../../test/support/messages-server.ts';
import { type RunningDemoModel, startDemoModel } from '../../apps/demo-model/server.ts';
import { AnthropicProvider } from './anthropic/anthropic-provider.ts';
import { ModelError, type ModelFailure, type ModelProvider, type ModelRequest } from './model-provider.ts';
import { OpenAiProvider } from './openai/openai-provider.ts';

/** What every provider must do, whoever it talks to. The servers take the same scripts. */

const optionsOf = (lookup?: LookupFunction) => ({ idleTimeoutMs: 400, headersTimeoutMs: 700, ...(lookup === undefined ? {} : { lookup }) });

/** A server as its own log shows it. */
interface Witness {
  requests: () => number;
  active: () => number;
  served: () => number | undefined;
}

type Closable = ModelProvider & { close(): Promise<void> };

interface Subject {
  name: string;
  model: string;
  /** Its words for the contract's finish reasons, and one that it must not take for an end. */
  reasons: [string, string][];
  strangeReason: string;
  tooLong: object;
  /** How it says that a model is not there, or not for this credential. */
  notAllowed: object[];
  provider: (apiKey: string, url?: string, lookup?: LookupFunction) => Closable;
  witness: () => Witness;
}

let demo: RunningDemoModel;
let messages: MessagesServer;
beforeAll(async () => {
  demo = await startDemoModel({ tokensPerSecond: 0, firstTokenMs: 0, apiKey: 'right' });
  messages = await MessagesServer.start('right');
});
afterAll(async () => {
  await demo.close();
  await messages.close();
});

const completions = {
  model: 'demo-small',
  reasons: [
    ['stop', 'stop'],
    ['length', 'length'],
    ['content_filter', 'content_filter'],
  ] as [string, string][],
  strangeReason: 'tool_calls',
  tooLong: { status: 400, error_code: 'context_length_exceeded' },
  notAllowed: [{ status: 403, error_code: 'model_not_found' }, { status: 403 }, { status: 404 }],
  witness: (): Witness => ({
    requests: () => demo.witness.entries({ limit: Infinity }).entries.length + demo.witness.running().length,
    active: () => demo.witness.stats().active,
    served: () => demo.witness.entries({ limit: Infinity }).entries.at(-1)?.tokens_served,
  }),
};

const subjects: Subject[] = [
  {
    ...completions,
    name: 'OpenAI',
    provider: (apiKey, url = demo.url, lookup) => new OpenAiProvider({ apiKey, baseUrl: `${url}/v1`, ...optionsOf(lookup) }),
  },
  {
    ...completions,
    name: 'Azure OpenAI',
    provider: (apiKey, url = demo.url, lookup) =>
      new OpenAiProvider({
        apiKey,
        baseUrl: 'http://unused.invalid',
        azure: { endpoint: url, apiVersion: '2024-10-21' },
        ...optionsOf(lookup),
      }),
  },
  {
    name: 'Anthropic',
    model: 'claude-sonnet-4-6',
    reasons: [
      ['end_turn', 'stop'],
      ['stop_sequence', 'stop'],
      ['max_tokens', 'length'],
      ['model_context_window_exceeded', 'length'],
      ['refusal', 'content_filter'],
    ],
    strangeReason: 'tool_use',
    tooLong: { status: 400, error_type: 'invalid_request_error', message: 'prompt is too long: 207791 tokens > 200000 maximum' },
    notAllowed: [
      { status: 403, error_type: 'permission_error' },
      { status: 404, error_type: 'not_found_error' },
    ],
    provider: (apiKey, url = messages.url, lookup) => new AnthropicProvider({ apiKey, baseUrl: url, ...optionsOf(lookup) }),
    witness: () => ({
      requests: () => messages.seen.length,
      active: () => messages.active,
      served: () => messages.seen.at(-1)?.tokensServed,
    }),
  },
];

const counted = (tokens: number) => Array.from({ length: tokens }, (_, at) => `t${at}`).join(' ');

describe.each(subjects)('$name', (subject) => {
  let provider: Closable;
  beforeAll(() => {
    provider = subject.provider('right');
  });
  afterEach(async () => {
    // No test leaves a connection behind on which a server still works.
    await expect.poll(subject.witness().active, { timeout: 2_000 }).toBe(0);
    demo.witness.clear();
    messages.seen.length = 0;
  });
  afterAll(() => provider.close());

  /** Streams an answer that is scripted in the message; gives its pieces and what it ended with. */
  async function ask(script: object, over: Partial<ModelRequest> = {}, through: ModelProvider = provider) {
    const pieces: string[] = [];
    const request: ModelRequest = {
      model: subject.model,
      messages: [{ role: 'user', content: `Go [[demo: ${JSON.stringify(script)}]]` }],
      maxOutputTokens: 2_000,
      signal: new AbortController().signal,
      deadlineAt: Date.now() + 5_000,
      ...over,
    };
    try {
      const result = await through.stream(request, (piece) => void pieces.push(piece));
      return { text: pieces.join(''), pieces: pieces.length, result };
    } catch (error) {
      if (!(error instanceof ModelError)) throw error;
      return { text: pieces.join(''), pieces: pieces.length, failure: error.failure, error };
    }
  }

  it('gives the pieces in order, as they come, and the provider’s own count', async () => {
    const answer = await ask({ tokens: 50 });
    expect(answer).toMatchObject({ text: counted(50), result: { finishReason: 'stop', usage: { outputTokens: 50 } } });
    expect(answer.pieces).toBeGreaterThan(10);
    expect(answer.result?.usage?.inputTokens).toBeGreaterThan(0);
  });

  it.each<[string, object, string]>([
    ['in slices of one byte, through characters', { text: 'Grüße 🙂 €', drip_bytes: 1 }, 'Grüße 🙂 €'],
    ['with CRLF', { tokens: 5, crlf: true }, counted(5)],
  ])('bears an answer %s', async (_how, script, text) => {
    expect(await ask(script)).toMatchObject({ text, result: { finishReason: 'stop' } });
  });

  it.each(subject.reasons)('says of %s that it is %s', async (finish_reason, finishReason) => {
    expect(await ask({ tokens: 3, finish_reason })).toMatchObject({ text: counted(3), result: { finishReason } });
  });

  it('asks for no more than the bound, and says when that cut the answer', async () => {
    expect(await ask({ tokens: 50 }, { maxOutputTokens: 7 })).toMatchObject({ text: counted(7), result: { finishReason: 'length' } });
  });

  it.each(['missing', 'zero'])('has no usage where it is %s', async (usage) => {
    expect(await ask({ tokens: 3, usage })).toEqual({ text: counted(3), pieces: 3, result: { finishReason: 'stop' } });
  });

  it('goes on from a prefix: no word twice, and the space between them once', async () => {
    for (const shown of [counted(20), `${counted(20)} `, counted(20).slice(0, -1)]) {
      expect(shown + (await ask({ tokens: 30 }, { prefix: shown })).text).toBe(counted(30));
    }
  });

  it.each<[string, object, ModelFailure]>([
    ['ends without a reason', { tokens: 20, end_after_tokens: 7 }, 'truncated'],
    ['is cut', { tokens: 20, cut_after_tokens: 7 }, 'truncated'],
    ['stalls', { tokens: 20, stall_after_tokens: 7 }, 'timeout'],
    ['holds what is no JSON', { tokens: 20, malformed_after_tokens: 7 }, 'bad_response'],
    ['holds an error', { tokens: 20, error_event_after_tokens: 7 }, 'server_error'],
  ])('P8: an answer that %s is an error, with what was given before', async (_how, script, failure) => {
    const answer = await ask(script);
    expect(answer).toMatchObject({ text: counted(7), failure, error: { unserved: false } });
    await expect.poll(subject.witness().active).toBe(0);
  });

  it('P8: takes neither a strange reason nor none, nor HTML, for an end', async () => {
    expect(await ask({ tokens: 3, finish_reason: subject.strangeReason })).toMatchObject({ failure: 'bad_response' });
    expect(await ask({ tokens: 3, finish_reason: 'constructor' })).toMatchObject({ failure: 'bad_response' });
    expect(await ask({ tokens: 3, finish_reason: null })).toMatchObject({ failure: 'truncated' });
    expect(await ask({ tokens: 3, content_type: 'text/html' })).toMatchObject({ failure: 'bad_response', text: '' });
    expect(await ask({ tokens: 3, status: 201 })).toMatchObject({ failure: 'bad_response', text: '' });
  });

  it.each<[number, ModelFailure, boolean]>([
    [400, 'invalid_request', true],
    [402, 'credential', true],
    [403, 'invalid_request', true],
    [404, 'invalid_request', true],
    [405, 'invalid_request', true],
    [408, 'timeout', false],
    [409, 'server_error', true],
    [413, 'context_too_long', true],
    [425, 'server_error', true],
    [429, 'throttled', true],
    [500, 'server_error', true],
    [502, 'server_error', false],
    [503, 'server_error', true],
    [504, 'timeout', false],
    [529, 'server_error', true],
  ])('takes status %i for %s, asks once, and says whether nothing was served', async (status, failure, unserved) => {
    const type = { error_type: 'nothing_known' };
    expect(await ask({ status, ...type, message: 'secret prompt' })).toMatchObject({ text: '', failure, error: { unserved } });
    expect(subject.witness().requests()).toBe(1);
  });

  it.each(subject.notAllowed)('says that %j is of this model alone', async (script) => {
    expect(await ask(script)).toMatchObject({ failure: 'invalid_request', error: { ofTarget: true, unserved: true } });
  });

  it('says of no other refusal that it is of this model alone', async () => {
    for (const script of [{ status: 400 }, { status: 401 }, { status: 402 }, { status: 413 }, { status: 500 }])
      expect(await ask({ ...script, error_type: 'nothing_known' }), JSON.stringify(script)).toMatchObject({ error: { ofTarget: false } });
  });

  it('says that a prompt is too long', async () => {
    expect(await ask(subject.tooLong)).toMatchObject({ failure: 'context_too_long', error: { unserved: true } });
  });

  it('says how long it was asked to wait, and keeps the provider’s words to itself', async () => {
    const { error } = await ask({ status: 429, retry_after: 7, message: 'secret prompt echoed' });
    expect(error).toMatchObject({ retryAfterMs: 7_000 });
    expect(error?.message).not.toContain('secret');
  });

  it('tells the status and headers of answers and of refusals, once', async () => {
    const told: [number, boolean][] = [];
    const onHeaders = (status: number, headers: Headers) => void told.push([status, headers.has('content-type')]);
    await ask({ tokens: 1 }, { onHeaders });
    await ask({ status: 429 }, { onHeaders });
    expect(told).toEqual([
      [200, true],
      [429, true],
    ]);
  });

  it('calls a wrong key a credential failure, and a server that is not there unreachable', async () => {
    const stranger = subject.provider('wrong');
    expect(await ask({ tokens: 1 }, {}, stranger)).toMatchObject({ failure: 'credential', error: { unserved: true } });
    const nowhere = subject.provider('right', 'http://127.0.0.1:9');
    expect(await ask({ tokens: 1 }, {}, nowhere)).toMatchObject({ failure: 'unreachable', error: { unserved: true } });
    await Promise.all([stranger.close(), nowhere.close()]);
  });

  it('reaches only what the lookup of names lets it', async () => {
    const asked: string[] = [];
    const lookup: LookupFunction = (name, _options, done) => {
      asked.push(name);
      done(Object.assign(new Error('not there'), { code: 'ENOTFOUND' }), '', 4);
    };
    const guarded = subject.provider('right', 'http://inside.test:80', lookup);
    expect(await ask({ tokens: 1 }, {}, guarded)).toMatchObject({ failure: 'unreachable', error: { unserved: true } });
    expect(asked).toEqual(['inside.test']);
    await guarded.close();
  });

  it('follows no redirect', async () => {
    const redirected = await ask({ status: 302, headers: { location: '/elsewhere' } });
    expect(redirected).toMatchObject({ failure: 'bad_response', text: '' });
    expect(subject.witness().requests()).toBe(1);
  });

  it('gives up when no header comes, or the deadline has come, however lively the answer', async () => {
    expect(await ask({ tokens: 1, header_delay_ms: 1_500 })).toMatchObject({ failure: 'timeout', error: { unserved: false } });
    const begun = Date.now();
    expect(await ask({ tokens: 500, tokens_per_second: 100 }, { deadlineAt: begun + 300 })).toMatchObject({ failure: 'timeout' });
    expect(Date.now() - begun).toBeLessThan(1_000);
  });

  it('asks nothing when the deadline has passed or the call is cancelled already', async () => {
    const late = await ask({ tokens: 1 }, { deadlineAt: Date.now() - 1 });
    expect(late).toMatchObject({ failure: 'timeout', error: { unserved: true } });
    expect(await ask({ tokens: 1 }, { signal: AbortSignal.abort() })).toMatchObject({ failure: 'aborted', error: { unserved: true } });
    expect(subject.witness().requests()).toBe(0);
  });

  it('closes the connection at once when the call is cancelled', async () => {
    const abort = new AbortController();
    const through: ModelProvider = {
      stream: (request, onText) =>
        provider.stream(request, (piece) => {
          onText(piece);
          abort.abort();
        }),
    };
    const answer = await ask({ tokens: 1_000, tokens_per_second: 100 }, { signal: abort.signal }, through);
    expect(answer).toMatchObject({ failure: 'aborted', error: { unserved: false } });
    await expect.poll(subject.witness().active, { timeout: 500, interval: 10 }).toBe(0);
    expect(subject.witness().served()).toBeLessThan(60);
  });

  it('shows nothing after the call is cancelled', async () => {
    const abort = new AbortController();
    const shown: string[] = [];
    const through: ModelProvider = {
      stream: (request, onText) =>
        provider.stream(request, (piece) => {
          onText(piece);
          shown.push(piece);
          if (shown.length === 3) abort.abort();
        }),
    };
    await ask({ tokens: 100 }, { signal: abort.signal }, through);
    expect(shown).toHaveLength(3);
  });
});
