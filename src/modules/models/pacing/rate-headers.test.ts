import { describe, expect, it } from 'vitest';
import { readRateHeaders } from './rate-headers.ts';

const openAi = (limit: string, remaining: string, reset: string) =>
  readRateHeaders(
    new Headers({ 'x-ratelimit-limit-tokens': limit, 'x-ratelimit-remaining-tokens': remaining, 'x-ratelimit-reset-tokens': reset }),
  ).tokens;

describe('rate limits in headers', () => {
  it.each([
    ['1s', 1_000],
    ['6m0s', 360_000],
    ['120ms', 120],
    ['1m26.4s', 86_400],
    ['7m12s', 432_000],
    ['1h2m3s', 3_723_000],
    ['0s', 0],
    ['17', 17_000],
    ['0.5', 500],
  ])('a reset of %j is %i milliseconds', (text, ms) => {
    expect(openAi('100', '40', text)).toEqual({ limit: 100, remaining: 40, resetMs: ms });
  });

  it.each(['', 'soon', '-1s', '1x', 's', '1s!', '99999999999d', '1e3', 'Thu, 01 Jan 1970 00:00:00 GMT'])(
    'a reset of %j is none',
    (text) => {
      expect(openAi('100', '40', text)).toEqual({ limit: 100, remaining: 40 });
    },
  );

  it.each([
    ['-1', '-1', undefined],
    ['0', '-1', undefined],
    ['', '', undefined],
    ['NaN', '1e9', undefined],
    ['1'.repeat(400), '5', { remaining: 5 }],
    ['100', '900', { limit: 100, remaining: 100 }],
    ['100', '-1', { limit: 100 }],
    ['100', '0', { limit: 100, remaining: 0 }],
  ])('a limit of %j with %j left', (limit, remaining, expected) => {
    expect(openAi(limit, remaining, 'x')).toEqual(expected);
  });

  it('are read of both kinds, and of none where there are none', () => {
    expect(readRateHeaders(new Headers({ 'x-ratelimit-remaining-requests': '9', 'x-ratelimit-remaining-tokens': '8' }))).toEqual({
      requests: { remaining: 9 },
      tokens: { remaining: 8 },
    });
    expect(readRateHeaders(new Headers())).toEqual({});
  });

  it('of Anthropic name a time, which counts from when the answer was sent', () => {
    const headers = (kind: string) => ({
      [`anthropic-ratelimit-${kind}-limit`]: '50',
      [`anthropic-ratelimit-${kind}-remaining`]: '49',
      [`anthropic-ratelimit-${kind}-reset`]: '2020-05-05T10:00:07Z',
    });
    const date = 'Tue, 05 May 2020 10:00:00 GMT';
    const expected = { limit: 50, remaining: 49, resetMs: 7_000 };
    expect(readRateHeaders(new Headers({ ...headers('requests'), ...headers('tokens'), date }))).toEqual({
      requests: expected,
      tokens: expected,
    });
    expect(readRateHeaders(new Headers({ ...headers('input-tokens'), date }))).toEqual({ inputTokens: expected });
    expect(readRateHeaders(new Headers({ ...headers('input-tokens'), ...headers('tokens'), date }))).toEqual({ tokens: expected });
    expect(readRateHeaders(new Headers(headers('requests'))).requests?.resetMs).toBe(0);
  });
});
