import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ApiError } from './api-error.ts';
import { duration, EnforcedLimits } from './enforced-limits.ts';
import { readOptions } from './options.ts';
import { type RunningDemoModel, startDemoModel } from './server.ts';

const cost = (tokens: number, over = {}) => ({ keyDigest: 'one', model: 'demo-small', promptTokens: 0, maxTokens: tokens, ...over });

/** Tokens that were let in when one request of ten came each millisecond for `ms` milliseconds. */
function admitted(limits: EnforcedLimits, ms: number, from = 1_000_000): number {
  let total = 0;
  for (let at = from; at < from + ms; at += 1) {
    try {
      limits.admit(cost(10), at);
      total += 10;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      expect(error).toMatchObject({ status: 429, code: 'rate_limit_exceeded', type: 'tokens' });
    }
  }
  return total;
}

describe('limits that are enforced', () => {
  it('let one limit through in a window, and another in the next', () => {
    const limits = new EnforcedLimits();
    limits.set({ tokens: 1_000, window_ms: 2_000, kind: 'window' });
    expect(admitted(limits, 2_000)).toBe(1_000);
    expect(admitted(limits, 1_999, 1_002_000)).toBe(1_000);
  });

  it('of a bucket are the bucket and what flows in', () => {
    const limits = new EnforcedLimits();
    limits.set({ tokens: 1_000, window_ms: 2_000, kind: 'bucket' });
    expect(admitted(limits, 2_000)).toBe(1_990);
  });

  it('count the bound of the answer when it is asked for, or the answer when it is served', () => {
    const limits = new EnforcedLimits();
    limits.set({ tokens: 100 });
    expect(limits.admit(cost(30, { promptTokens: 20 }), 0)).toMatchObject({ 'x-ratelimit-remaining-tokens': '50' });
    limits.served(cost(30), 30, 0);
    expect(limits.admit(cost(0), 0)).toMatchObject({ 'x-ratelimit-remaining-tokens': '50' });
    limits.set({ tokens: 100, counts: 'used' });
    expect(limits.admit(cost(30, { promptTokens: 20 }), 0)).toMatchObject({ 'x-ratelimit-remaining-tokens': '80' });
    limits.served(cost(30), 10, 0);
    expect(limits.admit(cost(0), 0)).toMatchObject({ 'x-ratelimit-remaining-tokens': '70' });
  });

  it('tell keys and models apart, and say when to come again', () => {
    const limits = new EnforcedLimits();
    limits.set({ requests: 1, window_ms: 10_000, kind: 'window' });
    limits.admit(cost(1), 4_000);
    limits.admit(cost(1, { keyDigest: 'two' }), 4_000);
    limits.admit(cost(1, { model: 'demo-large' }), 4_000);
    let refusal: unknown;
    try {
      limits.admit(cost(1), 5_500);
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toMatchObject({
      status: 429,
      type: 'requests',
      headers: {
        'retry-after': '5',
        'retry-after-ms': '4500',
        'x-ratelimit-limit-requests': '1',
        'x-ratelimit-remaining-requests': '0',
        'x-ratelimit-reset-requests': '4.5s',
      },
    });
    limits.clear();
    expect(limits.admit(cost(1), 5_500)).toEqual({});
  });

  it.each([
    [120, '120ms'],
    [1_500, '1.5s'],
    [360_000, '6m0s'],
    [432_000, '7m12s'],
    [0, '0ms'],
  ])('write %i ms as %s', (ms, text) => expect(duration(ms)).toBe(text));
});

describe('over HTTP', () => {
  let server: RunningDemoModel;
  beforeAll(async () => {
    server = await startDemoModel({ tokensPerSecond: 0, firstTokenMs: 0 });
  });
  afterAll(() => server.close());

  const ask = (maxTokens: number) =>
    new OpenAI({ baseURL: `${server.url}/v1`, apiKey: 'k', maxRetries: 0 }).chat.completions
      .create({ model: 'demo-small', max_tokens: maxTokens, messages: [{ role: 'user', content: 'Hi' }] })
      .withResponse();
  const control = async (method: string, body?: object) => {
    const sent = body === undefined ? {} : { body: JSON.stringify(body) };
    return (await fetch(`${server.url}/demo/limits`, { method, ...sent })).status;
  };

  it('they are set, refuse, are in the witness, and end', async () => {
    expect(await control('POST', { tokens: 100, kind: 'window', window_ms: 60_000 })).toBe(200);
    expect((await ask(60)).response.headers.get('x-ratelimit-limit-tokens')).toBe('100');
    await expect(ask(60)).rejects.toMatchObject({ status: 429, code: 'rate_limit_exceeded', type: 'tokens' });
    expect(await server.witness.waitFor(({ status }) => status === 429)).toMatchObject({ outcome: 'error', tokens_served: 0 });
    expect(await control('DELETE')).toBe(200);
    expect((await ask(60)).response.headers.get('x-ratelimit-limit-tokens')).toBe('1500000000');
    expect(await control('POST', { tokens: -1 })).toBe(400);
    expect(await control('POST', { colour: 1 })).toBe(400);
  });
});

it('limits come from the environment', () => {
  expect(readOptions({}, []).limits).toBeUndefined();
  expect(readOptions({ DEMO_MODEL_LIMIT_TOKENS: '5', DEMO_MODEL_LIMIT_KIND: 'window' }, []).limits).toEqual({
    tokens: 5,
    window_ms: 60_000,
    kind: 'window',
    counts: 'reserved',
  });
  expect(() => readOptions({ DEMO_MODEL_LIMIT_TOKENS: 'x' }, [])).toThrow(/DEMO_MODEL_LIMIT_TOKENS/);
  expect(() => readOptions({ DEMO_MODEL_LIMIT_TOKENS: '5', DEMO_MODEL_LIMIT_KIND: 'x' }, [])).toThrow(/DEMO_MODEL_LIMIT_KIND/);
});
