import { Injectable } from '@nestjs/common';
import { changed, row, rows, type Transaction } from '../../../platform/database/index.ts';
import { heldBy, legalHolds } from '../../privacy/index.ts';

/** Where a walk over a tenant's rows stands, oldest first: the id that was looked at last. */
export type Cursor = string | null;

/** What one batch looked at and deleted. `cursor`: where the next one begins; null = there is no more. */
export interface Batch {
  deleted: number;
  cursor: Cursor;
}

/** The walk of one batch: `until` = what is older by `days` before it may go; at most `size` rows are looked at, and as many deleted. */
export interface Walk {
  until: Date;
  after: Cursor;
  size: number;
}

/** Shortest times of a tenant and its bots, in days; null = for ever. */
export interface ShortestDays {
  messages: number | null;
  conversations: number | null;
  usage: number | null;
  audit: number | null;
}

const dayMs = 86_400_000;
const lowestId = '00000000-0000-0000-0000-000000000000';

const unfinished = `EXISTS (SELECT 1 FROM turns u WHERE u.tenant_id = $1 AND u.conversation_id = c.id AND u.finished_at IS NULL)`;

/** SQL: the days that hold for a bot; null = for ever. The shorter of the tenant's and the bot's: `least` passes over null. */
const daysOf = (what: string, bot: string) => `least((SELECT p.${what}_days FROM tenant_privacy p WHERE p.tenant_id = $1),
  (SELECT r.${what}_days FROM bot_retention r WHERE r.tenant_id = $1 AND r.bot_id = ${bot}))`;

/** SQL: that a time is further in the past, seen from $3, than what is kept for the bot. */
const expired = (time: string, what: string, bot: string) => `${time} < $3::timestamptz - make_interval(days => ${daysOf(what, bot)})`;

/**
 * Rows past their time. Each method is one batch in one short transaction: it looks at a bounded number of rows in the order of their primary key
 * (ids begin with the time they were made at, RFC 9562), and deletes those whose time is over and that no hold covers. What somebody else
 * has locked is left for the next run.
 */
@Injectable()
export class ExpiredRowsRepository {
  /** Nothing here waits: rather the batch fails, and the next run tries again. Milliseconds. */
  async limitWaits(tx: Transaction, { lockMs, statementMs }: { lockMs: number; statementMs: number }): Promise<void> {
    await row(tx, `SELECT set_config('lock_timeout', $1, true), set_config('statement_timeout', $2, true)`, [
      `${lockMs}ms`,
      `${statementMs}ms`,
    ]);
  }

  /** The shortest time of each kind that holds for anything of the tenant. */
  async shortest(tx: Transaction, tenantId: string): Promise<ShortestDays> {
    const shortest = (what: string) =>
      `least(p.${what}_days, (SELECT min(r.${what}_days) FROM bot_retention r WHERE r.tenant_id = $1)) AS ${what}`;
    const found = await row<ShortestDays>(
      tx,
      `SELECT ${shortest('messages')}, ${shortest('conversations')}, ${shortest('usage')}, p.audit_days AS audit FROM tenant_privacy p WHERE p.tenant_id = $1`,
      [tenantId],
    );
    return found ?? { messages: null, conversations: null, usage: null, audit: null };
  }

  /** Finished turns with their messages. */
  async turns(tx: Transaction, tenantId: string, walk: Walk, days: number): Promise<Batch> {
    const seen = await rows<{ id: string; conversationId: string }>(
      tx,
      `SELECT id, conversation_id AS "conversationId" FROM turns WHERE tenant_id = $1 AND id > $2 AND id < $3 ORDER BY id LIMIT $4`,
      [tenantId, walk.after ?? lowestId, idAt(walk.until, days), walk.size],
    );
    const locked = await this.lockConversations(tx, tenantId, [...new Set(seen.map(({ conversationId }) => conversationId))]);
    // A statement of its own, and so one that sees what was sent until the lock.
    const deleted = await changed(
      tx,
      `DELETE FROM turns t USING conversations c WHERE t.tenant_id = $1 AND t.id = ANY($2::uuid[]) AND c.tenant_id = $1 AND c.id = t.conversation_id
         AND c.id = ANY($4::uuid[]) AND ${expired('t.finished_at', 'messages', 't.bot_id')} AND NOT ${unfinished}
         AND NOT ${heldBy({ bot: 't.bot_id', visitor: 't.visitor_id', conversation: 't.conversation_id' })}`,
      [tenantId, seen.map(({ id }) => id), walk.until, locked],
    );
    return { deleted, cursor: nextOf(seen, walk) };
  }

  /** Conversations as a whole. One with more turns than a batch may delete goes over several, and only then itself. */
  async conversations(tx: Transaction, tenantId: string, walk: Walk, days: number): Promise<Batch> {
    const seen = await rows<{ id: string }>(
      tx,
      `SELECT id FROM conversations WHERE tenant_id = $1 AND id > $2 AND id < $3 ORDER BY id LIMIT $4`,
      [tenantId, walk.after ?? lowestId, idAt(walk.until, days), walk.size],
    );
    const locked = await this.lockConversations(
      tx,
      tenantId,
      seen.map(({ id }) => id),
    );
    const over = await rows<{ id: string }>(
      tx,
      `SELECT c.id FROM conversations c WHERE c.tenant_id = $1 AND c.id = ANY($2::uuid[]) AND ${expired('c.updated_at', 'conversations', 'c.bot_id')}
         AND NOT ${unfinished} AND NOT ${heldBy({ bot: 'c.bot_id', visitor: 'c.visitor_id', conversation: 'c.id' })}`,
      [tenantId, locked, walk.until],
    );
    const ids = over.map(({ id }) => id);
    const turns = await changed(
      tx,
      `DELETE FROM turns WHERE tenant_id = $1 AND id IN (SELECT id FROM turns WHERE tenant_id = $1 AND conversation_id = ANY($2::uuid[]) LIMIT $3)`,
      [tenantId, ids, walk.size],
    );
    const deleted = await changed(
      tx,
      `DELETE FROM conversations c WHERE c.tenant_id = $1 AND c.id = ANY($2::uuid[])
         AND NOT EXISTS (SELECT 1 FROM turns t WHERE t.tenant_id = $1 AND t.conversation_id = c.id)`,
      [tenantId, ids],
    );
    // Some of these still have turns: the next batch looks at the same ones again.
    return { deleted, cursor: turns === walk.size && deleted < ids.length ? (walk.after ?? lowestId) : nextOf(seen, walk) };
  }

  /** Settled rows of the ledger of provider calls. */
  async calls(tx: Transaction, tenantId: string, walk: Walk, days: number): Promise<Batch> {
    const seen = await rows<{ id: string }>(
      tx,
      `SELECT id FROM provider_calls WHERE tenant_id = $1 AND id > $2 AND id < $3 ORDER BY id LIMIT $4`,
      [tenantId, walk.after ?? lowestId, idAt(walk.until, days), walk.size],
    );
    const conversation = '(SELECT t.conversation_id FROM turns t WHERE t.tenant_id = $1 AND t.id = k.turn_id)';
    const deleted = await changed(
      tx,
      `DELETE FROM provider_calls k WHERE k.tenant_id = $1 AND k.id = ANY($2::uuid[]) AND k.settled_at IS NOT NULL
         AND ${expired('k.created_at', 'usage', 'k.bot_id')} AND NOT ${heldBy({ bot: 'k.bot_id', visitor: 'k.visitor_id', conversation })}`,
      [tenantId, seen.map(({ id }) => id), walk.until],
    );
    return { deleted, cursor: nextOf(seen, walk) };
  }

  /** Counters of months and days that are over: a visitor's, and the tenant's. Only by the tenant's own time, since they are of all bots. */
  async counters(tx: Transaction, tenantId: string, walk: Pick<Walk, 'until' | 'size'>): Promise<Batch> {
    const deleted = await changed(
      tx,
      `DELETE FROM usage_counters WHERE (tenant_id, subject, starts_at, slot) IN (
         SELECT u.tenant_id, u.subject, u.starts_at, u.slot FROM usage_counters u WHERE u.tenant_id = $1
           AND u.starts_at < $2::timestamptz - make_interval(days => (SELECT p.usage_days FROM tenant_privacy p WHERE p.tenant_id = $1))
           AND u.starts_at < date_trunc('month', $2::timestamptz, 'UTC') - interval '1 month'
           AND NOT ${heldBy({ visitor: 'u.subject' })} LIMIT $3)`,
      [tenantId, walk.until, walk.size],
    );
    return { deleted, cursor: deleted === walk.size ? lowestId : null };
  }

  /** Whether the tenant's audit trail must stay whole: it can only be cut at its end, so any hold keeps all of it. */
  auditHeld(tx: Transaction, tenantId: string): Promise<boolean> {
    return legalHolds.any(tx, tenantId);
  }

  /** Everything of the tenant has been looked at. */
  async markSwept(tx: Transaction, tenantId: string): Promise<void> {
    await changed(tx, 'UPDATE tenant_privacy SET swept_at = now() WHERE tenant_id = $1', [tenantId]);
  }

  /** Tenants that have said anything of retention, those first that were looked at longest ago. Runs as the system role. */
  async tenants(tx: Transaction, limit: number): Promise<string[]> {
    const found = await rows<{ tenantId: string }>(
      tx,
      'SELECT tenant_id AS "tenantId" FROM tenant_privacy ORDER BY swept_at NULLS FIRST LIMIT $1',
      [limit],
    );
    return found.map(({ tenantId }) => tenantId);
  }

  /** Those of the conversations that nobody else has locked, locked: a send to one waits for the rest of this batch, and this for no send. */
  private async lockConversations(tx: Transaction, tenantId: string, ids: string[]): Promise<string[]> {
    const locked = await rows<{ id: string }>(
      tx,
      'SELECT id FROM conversations WHERE tenant_id = $1 AND id = ANY($2::uuid[]) ORDER BY id FOR UPDATE SKIP LOCKED',
      [tenantId, ids],
    );
    return locked.map(({ id }) => id);
  }
}

/** The lowest id of a row that was made so many days before `until`: one that is past its time has a lower one. */
function idAt(until: Date, days: number): string {
  const ms = Math.max(0, until.getTime() - days * dayMs);
  const hex = ms.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-7000-8000-000000000000`;
}

function nextOf(seen: { id: string }[], { size }: Walk): Cursor {
  return seen.length < size ? null : (seen.at(-1)?.id ?? null);
}
