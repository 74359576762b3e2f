import { Inject, Injectable } from '@nestjs/common';
import { commonErrors } from '../../../kernel/app-error.ts';
import { auditTrail } from '../../../platform/audit/index.ts';
import { SystemDatabase, TenantDatabase } from '../../../platform/database/index.ts';
import { type PlansConfig, plansConfig } from '../plans.config.ts';
import type { EffectiveLimits } from './effective-limits.ts';
import { PlanLimits } from './plan-limits.ts';
import { type Assignment, type PlanRow, PlansRepository } from './plans.repository.ts';

/** A change of a plan: what is absent stays as it is. */
export interface PlanChange {
  name?: string | undefined;
  tier?: number | undefined;
  /** Null = no trial. */
  trialDays?: number | null | undefined;
  /** Null = without limit. */
  limits?: Record<string, number | null>;
}

/** Plans, for operators. */
@Injectable()
export class PlansAdmin {
  constructor(
    private readonly system: SystemDatabase,
    private readonly database: TenantDatabase,
    private readonly plans: PlansRepository,
    private readonly limits: PlanLimits,
    @Inject(plansConfig.token) private readonly config: PlansConfig,
  ) {}

  /** What is wrong with the settings, one sentence each; empty when all is well, or there is no schema yet. */
  problems(): Promise<string[]> {
    const { defaultPlan } = this.config;
    return this.system.run('startup-check', async (tx) => {
      if (!(await this.plans.isThere(tx)) || (await this.plans.byId(tx, defaultPlan)) !== undefined) return [];
      return [`PLAN_DEFAULT names the plan ${defaultPlan}, which does not exist. Name another one, or make it: plans set ${defaultPlan}.`];
    });
  }

  /** Every plan, the lowest tier first. */
  list(): Promise<PlanRow[]> {
    return this.system.run('plans', (tx) => this.plans.list(tx));
  }

  /** One plan; undefined when there is none. */
  find(id: string): Promise<PlanRow | undefined> {
    return this.system.run('plans', (tx) => this.plans.byId(tx, id));
  }

  /** Changes a plan, or makes it with no limits but those given. The whole plan is given back. */
  set(id: string, change: PlanChange): Promise<PlanRow> {
    return this.system.run('plans', async (tx) => {
      const known = await this.plans.byIdForUpdate(tx, id);
      const before: PlanRow = known ?? { id, name: id, tier: 0, trialDays: null, limits: {} };
      const limits = Object.entries({ ...before.limits, ...change.limits }).filter(([, value]) => value !== null);
      const changed: PlanRow = {
        id,
        name: change.name ?? before.name,
        tier: change.tier ?? before.tier,
        trialDays: change.trialDays === undefined ? before.trialDays : change.trialDays,
        limits: Object.fromEntries(limits),
      };
      await this.plans.save(tx, changed);
      return changed;
    });
  }

  /**
   * Gives a tenant a plan. The assignment is the whole of it: earlier overrides and an earlier end of the trial are gone. Throws 404 when
   * there is no such plan or tenant. Gives what holds from now on, on every replica within five seconds.
   */
  assign(tenantId: string, assignment: Assignment): Promise<EffectiveLimits> {
    return this.database.forTenant(tenantId, async (tx) => {
      if ((await this.plans.byId(tx, assignment.planId)) === undefined) throw commonErrors.notFound('plan');
      if (!(await this.plans.assign(tx, tenantId, assignment))) throw commonErrors.notFound('tenant');
      const object = { kind: 'plan', id: assignment.planId } as const;
      const detail = { overrides: Object.keys(assignment.overrides), trial: assignment.trialEndsAt !== null };
      auditTrail.record(tx, tenantId, { actor: { kind: 'operator', id: 'cli' }, action: 'plan.assign', object, detail });
      return this.limits.read(tx, tenantId);
    });
  }
}
