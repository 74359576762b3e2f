import { Injectable } from '@nestjs/common';
import type { Transaction } from '../../../platform/database/index.ts';
import { planErrors } from '../plans.errors.ts';
import type { CountedThing } from './limit-names.ts';
import { PlanLimits } from './plan-limits.ts';
import { PlansRepository } from './plans.repository.ts';

/** Counts a tenant's things of one kind, in one statement. */
export type CountThings = (tx: Transaction, tenantId: string) => Promise<number>;

/**
 * Things of which a plan allows only so many. The module that keeps a thing registers how it is counted, and takes a place for each new
 * one in the transaction that makes it. Exact however many are made at once: they go one after the other, per tenant and kind of thing.
 */
@Injectable()
export class CountedThings {
  private readonly counts = new Map<CountedThing, CountThings>();

  constructor(
    private readonly limits: PlanLimits,
    private readonly plans: PlansRepository,
  ) {}

  /** Says how a thing is counted; at start. Twice for one thing is a programming error and throws. */
  register(thing: CountedThing, count: CountThings): void {
    if (this.counts.has(thing)) throw new Error(`${thing} is counted twice`);
    this.counts.set(thing, count);
  }

  /**
   * Asks for one more, before it is written in the same transaction. Throws 429 `quota_exceeded` when the tenant has as many as it may.
   * By what the database says now, not by what a replica remembers.
   */
  async take(tx: Transaction, tenantId: string, thing: CountedThing): Promise<void> {
    const count = this.counts.get(thing);
    if (count === undefined) throw new Error(`nobody says how ${thing} is counted`);
    // In this order, in one trip: each statement sees what was committed before it began, and so all that the lock waited for.
    const [, { limits }, used] = await Promise.all([
      this.plans.lockThing(tx, tenantId, thing),
      this.limits.read(tx, tenantId),
      count(tx, tenantId),
    ]);
    const quota = limits[thing];
    if (quota !== undefined && used >= quota) throw planErrors.quotaExceeded({ limit: thing, quota });
  }

  /** How many of a thing a tenant has; 0 where nothing of the kind can be made. */
  async count(tx: Transaction, tenantId: string, thing: CountedThing): Promise<number> {
    return (await this.counts.get(thing)?.(tx, tenantId)) ?? 0;
  }
}
