import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { newUuid } from '../../../kernel/ids.ts';
import { changed, row, TenantDatabase, type Transaction } from '../../../platform/database/index.ts';
import { RecentValues } from '../../identity/index.ts';
import type { LimitName, Limits } from '../limits/limit-names.ts';
import { announcedLimits, usageThresholdReached } from '../plans.events.ts';

/** Percent of a limit at which its approach is announced. */
const thresholds = [50, 80, 100] as const;
/** Percent from which on a refusal counts as the end of the limit. */
const nearlyAll = 80;

/** What a tenant has used in a month. */
export interface MonthCounter {
  startsAt: Date;
  messages: number;
  tokens: number;
  /** Micro-units of money. */
  cost: number;
  /** Highest percent that was announced, by `announcedAs`. */
  announced: Record<string, number>;
}

const usedOf = { messages_per_month: 'messages', tokens_per_month: 'tokens', cost_per_month: 'cost' } as const;

interface Crossed {
  limit: (typeof announcedLimits)[number];
  quota: number;
  percent: number;
}

/** Name under which the counter remembers what was announced: another limit, as after a change of plan, has thresholds of its own. */
function announcedAs({ limit, quota }: Pick<Crossed, 'limit' | 'quota'>): string {
  return `${limit}:${quota}`;
}

/**
 * The thresholds that a counter has crossed and that were not announced. A limit of 0 has none: it refuses the first message. `refusedBy` has just
 * refused a message: what is left is too little for any, so that 100 % are as good as reached, unless much is left and the message was huge.
 */
export function crossedThresholds(counter: MonthCounter, limits: Limits, refusedBy?: LimitName): Crossed[] {
  return announcedLimits.flatMap((limit) => {
    const quota = limits[limit];
    if (quota === undefined || quota === 0) return [];
    const announced = counter.announced[announcedAs({ limit, quota })] ?? 0;
    const used = counter[usedOf[limit]] * 100;
    const full = limit === refusedBy && used >= quota * nearlyAll ? 100 : 0;
    const reached = (percent: number) => used >= quota * percent || full >= percent;
    return thresholds.filter((percent) => percent > announced && reached(percent)).map((percent) => ({ limit, quota, percent }));
  });
}

/** What the slots of this month have together; the first one remembers what was announced. */
const thisMonthSql = `SELECT starts_at AS "startsAt", sum(messages)::float8 AS messages, sum(tokens)::float8 AS tokens, sum(cost)::float8 AS cost,
    (array_agg(announced) FILTER (WHERE slot = 0))[1] AS announced FROM usage_counters
  WHERE tenant_id = $1 AND subject = $1 AND starts_at = (date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC')
  GROUP BY starts_at HAVING bool_or(slot = 0)`;

/** What is still unannounced of $4 is marked, and gets the outbox rows of $7 and $8 as `Outbox.publish` would write them. */
const announceSql = `WITH due AS (
    SELECT d.* FROM usage_counters c,
      unnest($3::text[], $4::int[], $5::int[], $6::text[], $7::uuid[], $8::jsonb[]) AS d (name, percent, last, job, id, payload)
    WHERE c.tenant_id = $1 AND c.subject = $1 AND c.starts_at = $2 AND c.slot = 0 AND d.percent > coalesce((c.announced ->> d.name)::int, 0) FOR UPDATE OF c),
  marked AS (
    UPDATE usage_counters c SET announced = c.announced || (SELECT jsonb_object_agg(name, last) FROM due)
    WHERE c.tenant_id = $1 AND c.subject = $1 AND c.starts_at = $2 AND c.slot = 0 AND EXISTS (SELECT 1 FROM due))
  INSERT INTO outbox (tenant_id, id, name, payload) SELECT $1, id, job, payload FROM due`;

/** How long after a turn it is looked, in milliseconds. */
const lookSoonMs = 1_000;
/** How long a replica does not look again after a refusal, in milliseconds: refusals may come in floods. */
const lookAgainMs = 60_000;

/**
 * Announces that a tenant comes near the limits of its month. Goes by where the counter stands and what it remembers, so that what one look
 * misses (a replica that dies between a turn's end and the look) the next one finds.
 */
@Injectable()
export class Thresholds {
  private readonly soon = new Set<string>();
  private readonly looked = new RecentValues<object>({ maxEntries: 10_000, maxAgeMs: lookAgainMs });

  constructor(private readonly database: TenantDatabase) {}

  /** After a turn: looks a little later where the counter stands, once for all turns of a tenant that end meanwhile. */
  async afterTurn(tenantId: string, limits: Limits): Promise<void> {
    if (this.soon.has(tenantId) || announcedLimits.every((limit) => limits[limit] === undefined)) return;
    this.soon.add(tenantId);
    await sleep(lookSoonMs, undefined, { ref: false });
    this.soon.delete(tenantId);
    await this.look(tenantId, limits);
  }

  /**
   * After a refusal by `limit`: that it is reached, where nearly all is used. A limit of tokens or money is seldom used to the last one, since
   * a message needs room for its longest answer. Looks at most once a minute for a tenant and limit; other limits than the month's are none of this.
   */
  async afterRefusal(tenantId: string, limit: LimitName, limits: Limits): Promise<void> {
    if (!(limit in usedOf)) return;
    await this.looked.get(`${tenantId}|${limit}|${limits[limit] ?? ''}`, async () => {
      await this.look(tenantId, limits, limit);
      return {};
    });
  }

  private look(tenantId: string, limits: Limits, refusedBy?: LimitName): Promise<void> {
    return this.database.forTenant(tenantId, async (tx) => {
      const counter = await row<MonthCounter>(tx, thisMonthSql, [tenantId]);
      if (counter !== undefined) await this.check(tx, tenantId, counter, limits, refusedBy);
    });
  }

  /**
   * Publishes `usage.threshold_reached` for each threshold that `counter` has newly crossed: one statement, or none when there is nothing to tell.
   * Once and not twice however many find out at the same time: the counter's row is locked, and remembers.
   */
  async check(tx: Transaction, tenantId: string, counter: MonthCounter, limits: Limits, refusedBy?: LimitName): Promise<void> {
    const crossed = crossedThresholds(counter, limits, refusedBy);
    if (crossed.length === 0) return;
    const startsAt = counter.startsAt.toISOString();
    const due = crossed.flatMap((each) =>
      usageThresholdReached.reactions.map((job) => ({
        name: announcedAs(each),
        percent: each.percent,
        last: Math.max(...crossed.filter(({ limit }) => limit === each.limit).map(({ percent }) => percent)),
        job: job.name,
        id: newUuid(),
        payload: JSON.stringify({ tenantId, startsAt, ...each }),
      })),
    );
    const column = <K extends keyof (typeof due)[number]>(key: K) => due.map((each) => each[key]);
    await changed(tx, announceSql, [
      tenantId,
      counter.startsAt,
      column('name'),
      column('percent'),
      column('last'),
      column('job'),
      column('id'),
      column('payload'),
    ]);
  }
}
