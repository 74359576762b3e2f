import { AppError, commonErrors } from '../../kernel/app-error.ts';
import { limitKinds, type LimitName } from './limits/limit-names.ts';

/** A limit that refuses. */
export interface Refusal {
  limit: LimitName;
  /** What the limit allows. */
  quota: number;
  /** Seconds after which a retry can help; absent where waiting does not. */
  retryAfter?: number;
  /** When the window ends, for limits of a month or a day. */
  resetsAt?: Date;
  /** Length of the window in seconds, where it is always the same. */
  window?: number;
}

/** True for limits that a moment of patience gets past: a client may simply try again. */
function passesSoon(limit: LimitName): boolean {
  const kind = limitKinds[limit];
  return kind === 'minute' || kind === 'at_once' || kind === 'visitor_at_once';
}

function headersOf({ limit, quota, retryAfter, window }: Refusal): Record<string, string> {
  const seconds = retryAfter === undefined ? '' : `;t=${Math.max(1, Math.ceil(retryAfter))}`;
  return {
    'ratelimit-policy': `"${limit}";q=${quota}${window === undefined ? '' : `;w=${window}`}`,
    ratelimit: `"${limit}";r=0${seconds}`,
  };
}

/** Errors of plans and limits. */
export const planErrors = {
  /**
   * 429: a limit of the plan is reached. Says which in the members `limit` and `resets_at` and in RateLimit headers; `x-should-retry: false` unless
   * it passes soon.
   */
  quotaExceeded: (refusal: Refusal) =>
    new AppError('quota_exceeded', 429, `A limit of the plan is reached: ${refusal.limit} (${refusal.quota}).`, {
      ...(refusal.retryAfter === undefined ? {} : { retryAfter: refusal.retryAfter }),
      ...(passesSoon(refusal.limit) ? {} : { retryable: false }),
      limit: { name: refusal.limit, ...(refusal.resetsAt === undefined ? {} : { resetsAt: refusal.resetsAt.toISOString() }) },
      headers: headersOf(refusal),
    }),
  trialOver: () =>
    new AppError('quota_exceeded', 429, 'The trial is over. Choose a plan to go on.', {
      retryable: false,
      limit: { name: 'trial' },
      headers: { 'ratelimit-policy': '"trial";q=0', ratelimit: '"trial";r=0' },
    }),
  rangeTooLong: (days: number) => commonErrors.invalidRequest([{ path: 'from', message: `must be at most ${days} days before to` }]),
  rangeReversed: () => commonErrors.invalidRequest([{ path: 'to', message: 'must be after from' }]),
  unknownCursor: () => commonErrors.invalidRequest([{ path: 'after', message: 'must be a next_cursor of this list' }]),
};
