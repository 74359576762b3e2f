import { describe, expect, it } from 'vitest';
import { retryAfterOf } from './retry-after.ts';

describe('Retry-After', () => {
  it.each([
    ['7', 7_000],
    ['0', 0],
    ['0.5', 500],
    ['3600', 3_600_000],
    ['-5', undefined],
    ['soon', undefined],
    ['later 2099', undefined],
    ['2099', 2_099_000],
    ['0x10', undefined],
    ['1e9', undefined],
    ['7, 7', undefined],
    ['', undefined],
    ['Thu, 01 Jan 1970 00:00:00 GMT', undefined],
    ['Thu, 99 Jan 2099 00:00:00 GMT', undefined],
  ])('of %j is %j milliseconds', (value, expected) => {
    expect(retryAfterOf(new Headers({ 'retry-after': value }))).toBe(expected);
  });

  it('as a date counts from now', () => {
    const wait = retryAfterOf(new Headers({ 'retry-after': new Date(Date.now() + 30_000).toUTCString() }));
    expect(wait).toBeGreaterThan(28_000);
    expect(wait).toBeLessThanOrEqual(30_000);
  });

  it.each([
    ['250', 250],
    ['12.5', 12.5],
    // Nonsense leaves the word to the standard header.
    ['', 7_000],
    ['-1', 7_000],
    ['Infinity', 7_000],
    ['soon', 7_000],
  ])('in milliseconds of %j is %j', (value, expected) => {
    expect(retryAfterOf(new Headers({ 'retry-after-ms': value, 'retry-after': '7' }))).toBe(expected);
  });

  it('is absent without headers', () => {
    expect(retryAfterOf(undefined)).toBeUndefined();
  });
});
