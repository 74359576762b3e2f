import { planErrors } from '../plans.errors.ts';
import { limitNames, type Limits } from './limit-names.ts';
import { StoredLimits } from './limits.schemas.ts';

/** What holds for a tenant right now. */
export interface EffectiveLimits {
  plan: string;
  /** 0 to 100; a higher tier's turns go first. */
  tier: number;
  /** From then on new messages are refused; null = no trial. */
  trialEndsAt: Date | null;
  /** Set where the trial had ended when this was read, by Postgres' clock: replicas may not agree on the time. */
  trialOver?: true;
  limits: Limits;
}

/**
 * A plan's limits with a tenant's overrides on top: an override of null takes the limit away, an absent one leaves the plan's. Throws
 * ZodError for a stored value that is no whole number: nobody gets more than they should by a slip of the pen.
 */
export function effectiveLimits(ofPlan: unknown, overrides: unknown): Limits {
  const [base, own] = [StoredLimits.parse(ofPlan), StoredLimits.parse(overrides)];
  const limits: Limits = {};
  for (const name of limitNames) {
    const value = own[name] === undefined ? base[name] : own[name];
    if (typeof value === 'number') limits[name] = value;
  }
  return limits;
}

/** Throws 429 `quota_exceeded` (limit `trial`) when the trial is over. */
export function requireTrial({ trialOver }: Pick<EffectiveLimits, 'trialOver'>): void {
  if (trialOver === true) throw planErrors.trialOver();
}
