import { Injectable } from '@nestjs/common';
import { row, rows, type Transaction } from '../../../platform/database/index.ts';
import type { UsageGroup } from './usage.schemas.ts';

/** Where a tenant's month stands. Cost is in micro-units. */
export interface MonthRow {
  messages: number;
  /** Used and reserved, as the next two. */
  tokens: number;
  cost: number;
  endsAt: Date;
  dayEndsAt: Date;
}

/** What was used by one group. */
export interface UsageRow {
  /** Empty for what belongs to none. */
  key: string;
  messages: number;
  calls: number;
  inputTokens: number;
  outputTokens: number;
  estimatedCalls: number;
  cost: number;
}

/** Which usage is asked for. */
export interface UsageRange {
  from: Date;
  to: Date;
  limit: number;
  /** Key after which the page begins. */
  after: string | undefined;
}

/** Compared byte by byte, as JavaScript does. */
const keys: Record<UsageGroup, string> = {
  day: `to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')`,
  bot: `coalesce(bot_id::text, '')`,
  model: `coalesce(model, '')`,
  key: `coalesce(api_key_id::text, '')`,
  visitor: `coalesce(visitor_id::text, '')`,
};

const start = (unit: 'month' | 'day', plus = '') => `((date_trunc('${unit}', now() AT TIME ZONE 'UTC') ${plus}) AT TIME ZONE 'UTC')`;

/** What was used, in Postgres. */
@Injectable()
export class UsageRepository {
  /** The month and day that are now by Postgres' clock. */
  async month(tx: Transaction, tenantId: string): Promise<MonthRow> {
    const found = await row<MonthRow>(
      tx,
      `SELECT coalesce(sum(c.messages), 0)::float8 AS messages, coalesce(sum(c.tokens + c.tokens_reserved), 0)::float8 AS tokens,
         coalesce(sum(c.cost + c.cost_reserved), 0)::float8 AS cost, ${start('month', "+ interval '1 month'")} AS "endsAt",
         ${start('day', "+ interval '1 day'")} AS "dayEndsAt"
       FROM (SELECT ${start('month')} AS starts_at) w
       LEFT JOIN usage_counters c ON c.tenant_id = $1 AND c.subject = $1 AND c.starts_at = w.starts_at`,
      [tenantId],
    );
    if (found === undefined) throw new Error('there is no month');
    return found;
  }

  /**
   * Ended calls that began in the range, by group. A message is a turn that something was booked for; one that was answered by two models counts
   * with both. What belongs to a deleted conversation still counts.
   */
  usage(tx: Transaction, tenantId: string, groupBy: UsageGroup, range: UsageRange): Promise<UsageRow[]> {
    return rows<UsageRow>(
      tx,
      `SELECT key COLLATE "C" AS key, count(DISTINCT turn_id)::float8 AS messages, count(*) FILTER (WHERE kind <> 'cache')::float8 AS calls,
         coalesce(sum(input_tokens), 0)::float8 AS "inputTokens", coalesce(sum(output_tokens), 0)::float8 AS "outputTokens",
         count(*) FILTER (WHERE estimated)::float8 AS "estimatedCalls", coalesce(sum(cost), 0)::float8 AS cost
       FROM (SELECT ${keys[groupBy]} AS key, * FROM provider_calls
             WHERE tenant_id = $1 AND created_at >= $2 AND created_at < $3 AND state = 'settled') c
       WHERE $4::text IS NULL OR key COLLATE "C" > $4
       GROUP BY 1 ORDER BY 1 LIMIT $5`,
      [tenantId, range.from, range.to, range.after ?? null, range.limit],
    );
  }
}
