import { Injectable } from '@nestjs/common';
import { clock } from '../../../kernel/clock.ts';
import { type IdKind, publicId, uuidOf } from '../../../kernel/ids.ts';
import type { Principal } from '../../../kernel/principal.ts';
import { TenantDatabase } from '../../../platform/database/index.ts';
import { Visitors } from '../../identity/index.ts';
import { planErrors } from '../plans.errors.ts';
import { UsageRepository, type UsageRow } from './usage.repository.ts';
import { monthStart, type UsageGroup, type UsageOfGroup, type UsageQuery } from './usage.schemas.ts';

/** Longest range of one question, in days. */
const maxDays = 366;

/** Kind of the id that stands for a group; the others are texts. */
const idKinds: Partial<Record<UsageGroup, IdKind>> = { bot: 'bot', key: 'apiKey', visitor: 'visitor' };

/** Stands in a cursor for what belongs to no group. */
const noneCursor = '-';

/** What a tenant has used. */
@Injectable()
export class Usage {
  constructor(
    private readonly database: TenantDatabase,
    private readonly usage: UsageRepository,
    private readonly visitors: Visitors,
  ) {}

  /** A page of usage by group, in the order of the groups' keys. Throws 400 for a range that is reversed or too long, or a foreign cursor. */
  async list({ tenantId }: Principal, query: UsageQuery) {
    const { group_by: groupBy, limit } = query;
    const to = query.to === undefined ? new Date(clock.now()) : new Date(query.to);
    const from = query.from === undefined ? monthStart(to) : new Date(query.from);
    if (to < from) throw planErrors.rangeReversed();
    if (to.getTime() - from.getTime() > maxDays * 86_400_000) throw planErrors.rangeTooLong(maxDays);
    const after = query.after === undefined ? undefined : keyOfCursor(groupBy, query.after);
    const found = await this.database.forTenant(tenantId, (tx) =>
      this.usage.usage(tx, tenantId, groupBy, { from, to, limit: limit + 1, after }),
    );
    const data = await this.present(tenantId, groupBy, found.slice(0, limit));
    const more = found.length > limit;
    return {
      object: 'list' as const,
      from: from.toISOString(),
      to: to.toISOString(),
      data,
      has_more: more,
      next_cursor: more ? (data.at(-1)?.key ?? noneCursor) : null,
    };
  }

  private async present(tenantId: string, groupBy: UsageGroup, found: UsageRow[]): Promise<UsageOfGroup[]> {
    const ids = groupBy === 'visitor' ? found.map(({ key }) => key).filter((key) => key !== '') : [];
    const names = await this.visitors.byId(tenantId, ids);
    return found.map((group) => ({
      object: 'usage' as const,
      group_by: groupBy,
      key: shownKey(groupBy, group.key),
      ...(groupBy === 'visitor' ? { visitor_id: names.get(group.key) ?? null } : {}),
      messages: group.messages,
      calls: group.calls,
      input_tokens: group.inputTokens,
      output_tokens: group.outputTokens,
      estimated_calls: group.estimatedCalls,
      cost: group.cost,
    }));
  }
}

function shownKey(groupBy: UsageGroup, key: string): string | null {
  if (key === '') return null;
  const kind = idKinds[groupBy];
  return kind === undefined ? key : publicId(kind, key);
}

function keyOfCursor(groupBy: UsageGroup, cursor: string): string {
  if (cursor === noneCursor) return '';
  const kind = idKinds[groupBy];
  const key = kind === undefined ? cursor : uuidOf(kind, cursor);
  if (key === undefined) throw planErrors.unknownCursor();
  return key;
}
