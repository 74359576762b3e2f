import { Injectable } from '@nestjs/common';
import { clock } from '../../../kernel/clock.ts';
import type { Principal } from '../../../kernel/principal.ts';
import { TenantDatabase } from '../../../platform/database/index.ts';
import { CountedThings } from '../limits/counted-things.ts';
import { limitKinds, type LimitName, limitNames, type LimitOf } from '../limits/limit-names.ts';
import { PlanLimits } from '../limits/plan-limits.ts';
import { Standing } from '../rates/standing.ts';
import { UsageRepository } from './usage.repository.ts';
import type { LimitState } from './usage.schemas.ts';

/** What is used of a limit, and when it begins anew. Null = not counted for the tenant. */
interface Used {
  used: number | null;
  resetsAt?: Date;
}

/** Limits that are counted in Redis. */
type Momentary = LimitOf<'at_once' | 'minute'>;

/** How a tenant stands with each of its limits. */
@Injectable()
export class LimitStates {
  constructor(
    private readonly database: TenantDatabase,
    private readonly limits: PlanLimits,
    private readonly counted: CountedThings,
    private readonly usage: UsageRepository,
    private readonly standing: Standing,
  ) {}

  /** Plan and every limit: as the database says now. What is counted in Redis is null while that is away. */
  async of({ tenantId }: Principal) {
    const [{ effective, inDatabase }, inRedis] = await Promise.all([
      this.database.forTenant(tenantId, async (tx) => ({
        effective: await this.limits.read(tx, tenantId),
        inDatabase: await this.inDatabase(tx, tenantId),
      })),
      this.inRedis(tenantId),
    ]);
    const { limits } = effective;
    return {
      object: 'limits' as const,
      plan: effective.plan,
      tier: effective.tier,
      trial_ends_at: effective.trialEndsAt?.toISOString() ?? null,
      limits: limitNames.map((name) => {
        const limit = limits[name];
        // Without a limit Redis need not count.
        const state = inDatabase[name] ?? (limit === undefined ? undefined : inRedis?.[name as Momentary]);
        return stateOf(name, limit, state ?? { used: null });
      }),
    };
  }

  private async inDatabase(tx: Parameters<UsageRepository['month']>[0], tenantId: string) {
    const month = await this.usage.month(tx, tenantId);
    const states: Partial<Record<LimitName, Used>> = {
      messages_per_month: { used: month.messages, resetsAt: month.endsAt },
      tokens_per_month: { used: month.tokens, resetsAt: month.endsAt },
      cost_per_month: { used: month.cost, resetsAt: month.endsAt },
      visitor_messages_per_day: { used: null, resetsAt: month.dayEndsAt },
      visitor_tokens_per_day: { used: null, resetsAt: month.dayEndsAt },
    };
    for (const name of limitNames) {
      const kind = limitKinds[name];
      if (kind === 'counted') states[name] = { used: await this.counted.count(tx, tenantId, name as LimitOf<'counted'>) };
    }
    return states;
  }

  private async inRedis(tenantId: string): Promise<Record<Momentary, Used> | undefined> {
    const standing = await this.standing.of(tenantId);
    if (standing === undefined) return undefined;
    const { requests, requestsResetMs, turns, sockets } = standing;
    return {
      requests_per_minute: { used: requests, ...(requestsResetMs > 0 ? { resetsAt: new Date(clock.now() + requestsResetMs) } : {}) },
      turns_at_once: { used: turns },
      open_sockets: { used: sockets },
    };
  }
}

function stateOf(name: LimitName, limit: number | undefined, { used, resetsAt }: Used): LimitState {
  return {
    name,
    kind: limitKinds[name],
    limit: limit ?? null,
    used,
    remaining: limit === undefined || used === null ? null : Math.max(0, limit - used),
    resets_at: resetsAt?.toISOString() ?? null,
  };
}
