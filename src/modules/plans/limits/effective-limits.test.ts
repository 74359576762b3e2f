import { expect, test } from 'vitest';
import { problemHeaders, toProblem } from '../../../platform/http/index.ts';
import { planErrors } from '../plans.errors.ts';
import { effectiveLimits, requireTrial } from './effective-limits.ts';

test('an override replaces the limit of the plan, null takes it away, absent leaves it', () => {
  const plan = { bots: 3, seats: 3, files: null, tokens_per_month: 100 };
  expect(effectiveLimits(plan, {})).toEqual({ bots: 3, seats: 3, tokens_per_month: 100 });
  expect(effectiveLimits(plan, { bots: 9, seats: null, files: 0, cost_per_month: 5 })).toEqual({
    bots: 9,
    files: 0,
    tokens_per_month: 100,
    cost_per_month: 5,
  });
});

test('names that are no limits limit nothing, also those that every object has', () => {
  expect(effectiveLimits({ wishes: 3, constructor: 1, bots: 1 }, { toString: 2 })).toEqual({ bots: 1 });
});

test.each([['3'], [-1], [1.5], [Number.MAX_SAFE_INTEGER + 2], [true], [{}]])('%j is no limit, and never counts as unlimited', (value) => {
  expect(() => effectiveLimits({ bots: value }, {})).toThrow();
  expect(() => effectiveLimits({ bots: 3 }, { bots: value })).toThrow();
});

test('a trial that is over refuses for good', () => {
  requireTrial({});
  expect(() => requireTrial({ trialOver: true })).toThrow(
    expect.objectContaining({
      status: 429,
      code: 'quota_exceeded',
      options: expect.objectContaining({ limit: { name: 'trial' }, retryable: false }),
    }),
  );
});

test('a refusal says which limit, how much it is, when it begins anew and whether to try again', () => {
  const resetsAt = new Date('2026-12-01T00:00:00Z');
  const hard = planErrors.quotaExceeded({ limit: 'tokens_per_month', quota: 1_000, resetsAt, retryAfter: 59.2 });
  expect(toProblem(hard, '/v1/chat', 'req')).toMatchObject({
    status: 429,
    code: 'quota_exceeded',
    limit: 'tokens_per_month',
    resets_at: '2026-12-01T00:00:00.000Z',
    retry_after: 60,
  });
  expect(problemHeaders(hard)).toEqual({
    'ratelimit-policy': '"tokens_per_month";q=1000',
    ratelimit: '"tokens_per_month";r=0;t=60',
    'retry-after': '60',
    'x-should-retry': 'false',
  });
  const counted = planErrors.quotaExceeded({ limit: 'bots', quota: 3 });
  expect(toProblem(counted, '/v1/bots', 'req')).not.toHaveProperty('resets_at');
  expect(problemHeaders(counted)).toEqual({ 'ratelimit-policy': '"bots";q=3', ratelimit: '"bots";r=0', 'x-should-retry': 'false' });
  const rate = planErrors.quotaExceeded({ limit: 'requests_per_minute', quota: 5, retryAfter: 7, window: 60 });
  expect(problemHeaders(rate)).toEqual({
    'ratelimit-policy': '"requests_per_minute";q=5;w=60',
    ratelimit: '"requests_per_minute";r=0;t=7',
    'retry-after': '7',
  });
});
