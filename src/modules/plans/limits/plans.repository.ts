import { Injectable } from '@nestjs/common';
import { changed, row, rows, type Transaction } from '../../../platform/database/index.ts';
import type { CountedThing } from './limit-names.ts';

/** A plan as stored. */
export interface PlanRow {
  id: string;
  name: string;
  tier: number;
  trialDays: number | null;
  limits: Record<string, number | null>;
}

/** A tenant's plan, joined; the first three are null when the plan does not exist. */
export interface TenantPlanRow {
  plan: string | null;
  tier: number | null;
  limits: unknown;
  overrides: unknown;
  trialEndsAt: Date | null;
  trialOver: boolean;
}

/** What a tenant is given. */
export interface Assignment {
  planId: string;
  overrides: Record<string, number | null>;
  trialEndsAt: Date | null;
}

const columns = 'id, name, tier, trial_days AS "trialDays", limits';

/** Plans, and who has which, in Postgres. */
@Injectable()
export class PlansRepository {
  /** What holds for a tenant; undefined when there is no such tenant. `defaultPlan` is for tenants without a row of their own. */
  ofTenant(tx: Transaction, tenantId: string, defaultPlan: string): Promise<TenantPlanRow | undefined> {
    return row<TenantPlanRow>(
      tx,
      `SELECT p.id AS plan, p.tier, p.limits, coalesce(tp.overrides, '{}') AS overrides, trial.ends_at AS "trialEndsAt",
         coalesce(trial.ends_at <= now(), false) AS "trialOver"
       FROM tenants t LEFT JOIN tenant_plans tp ON tp.tenant_id = t.id LEFT JOIN plans p ON p.id = coalesce(tp.plan_id, $2)
       CROSS JOIN LATERAL (SELECT coalesce(tp.trial_ends_at, t.created_at + make_interval(days => p.trial_days)) AS ends_at) trial
       WHERE t.id = $1`,
      [tenantId, defaultPlan],
    );
  }

  /** Lets nobody else take one of these things for the tenant until the transaction ends. */
  async lockThing(tx: Transaction, tenantId: string, thing: CountedThing): Promise<void> {
    await row(tx, `SELECT pg_advisory_xact_lock(hashtextextended($1, 0))`, [`plans:${thing}:${tenantId}`]);
  }

  /** True when the schema has plans. */
  async isThere(tx: Transaction): Promise<boolean> {
    return (await row<{ there: boolean }>(tx, `SELECT to_regclass('public.plans') IS NOT NULL AS there`))?.there === true;
  }

  list(tx: Transaction): Promise<PlanRow[]> {
    return rows<PlanRow>(tx, `SELECT ${columns} FROM plans ORDER BY tier, id`);
  }

  byId(tx: Transaction, id: string): Promise<PlanRow | undefined> {
    return row<PlanRow>(tx, `SELECT ${columns} FROM plans WHERE id = $1`, [id]);
  }

  /** The plan, locked until the end of the transaction. Runs as the system role. */
  byIdForUpdate(tx: Transaction, id: string): Promise<PlanRow | undefined> {
    return row<PlanRow>(tx, `SELECT ${columns} FROM plans WHERE id = $1 FOR UPDATE`, [id]);
  }

  /** Stores a plan, new or changed. Runs as the system role. */
  async save(tx: Transaction, plan: PlanRow): Promise<void> {
    await changed(
      tx,
      `INSERT INTO plans (id, name, tier, trial_days, limits) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (id) DO UPDATE SET name = excluded.name, tier = excluded.tier, trial_days = excluded.trial_days,
         limits = excluded.limits, updated_at = now()`,
      [plan.id, plan.name, plan.tier, plan.trialDays, JSON.stringify(plan.limits)],
    );
  }

  /** Gives a tenant a plan; false when there is no such tenant. */
  async assign(tx: Transaction, tenantId: string, assignment: Assignment): Promise<boolean> {
    const stored = await changed(
      tx,
      `INSERT INTO tenant_plans (tenant_id, plan_id, overrides, trial_ends_at) SELECT id, $2, $3, $4 FROM tenants WHERE id = $1
       ON CONFLICT (tenant_id) DO UPDATE SET plan_id = excluded.plan_id, overrides = excluded.overrides,
         trial_ends_at = excluded.trial_ends_at, updated_at = now()`,
      [tenantId, assignment.planId, JSON.stringify(assignment.overrides), assignment.trialEndsAt],
    );
    return stored > 0;
  }
}
