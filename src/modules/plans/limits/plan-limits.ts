import { Inject, Injectable } from '@nestjs/common';
import { commonErrors } from '../../../kernel/app-error.ts';
import { TenantDatabase, type Transaction } from '../../../platform/database/index.ts';
import { RecentValues } from '../../identity/index.ts';
import { type PlansConfig, plansConfig } from '../plans.config.ts';
import { effectiveLimits, type EffectiveLimits } from './effective-limits.ts';
import { PlansRepository } from './plans.repository.ts';

/** How long a replica goes by what it has read, in milliseconds: a change holds everywhere within five seconds. */
const maxAgeMs = 4_000;
/** Tenants that are remembered at once; the least recently used go first. */
const maxEntries = 20_000;

/** Says what holds for a tenant. */
@Injectable()
export class PlanLimits {
  private readonly recent = new RecentValues<EffectiveLimits>({ maxEntries, maxAgeMs });

  constructor(
    private readonly database: TenantDatabase,
    private readonly plans: PlansRepository,
    @Inject(plansConfig.token) private readonly config: PlansConfig,
  ) {}

  /** What holds for a tenant, at most a few seconds old. Throws 404 when there is no such tenant. */
  async of(tenantId: string): Promise<EffectiveLimits> {
    const found = await this.recent.get(tenantId, () =>
      this.database.atOnce(tenantId, (tx) => this.read(tx, tenantId)).then((limits) => Object.freeze(limits)),
    );
    if (found === undefined) throw new Error('the limits of a tenant were not read');
    return found;
  }

  /** The same as it stands in the caller's transaction. */
  async read(tx: Transaction, tenantId: string): Promise<EffectiveLimits> {
    const { defaultPlan } = this.config;
    const stored = await this.plans.ofTenant(tx, tenantId, defaultPlan);
    if (stored === undefined) throw commonErrors.notFound('tenant');
    if (stored.plan === null || stored.tier === null) throw new Error(`PLAN_DEFAULT names a plan that does not exist: ${defaultPlan}`);
    const { plan, tier, trialEndsAt, trialOver } = stored;
    const limits = effectiveLimits(stored.limits, stored.overrides);
    return { plan, tier, trialEndsAt, ...(trialOver ? { trialOver } : {}), limits };
  }
}
