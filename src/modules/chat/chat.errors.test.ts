import { expect, it } from 'vitest';
import { problemHeaders } from '../../platform/http/index.ts';
import { planErrors } from '../plans/index.ts';
import { problemFromText, problemOfCode, problemText } from './chat.errors.ts';

it('P6: a limit that ended an answer is told as fully as one that refused a message', () => {
  const refusal = planErrors.quotaExceeded({ limit: 'tokens_per_month', quota: 9, resetsAt: new Date('2026-12-01'), retryAfter: 60 });
  const told = problemFromText(problemText(refusal));
  expect(told).toMatchObject({ code: 'quota_exceeded', status: 429 });
  expect(told.options).toMatchObject({ limit: { name: 'tokens_per_month', resetsAt: '2026-12-01T00:00:00.000Z' }, retryAfter: 60 });
  expect(problemHeaders(told)).toMatchObject({ 'x-should-retry': 'false', 'retry-after': '60' });
  expect(problemOfCode('quota_exceeded').status).toBe(429);
});
