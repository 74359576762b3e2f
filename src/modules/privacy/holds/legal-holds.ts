import { AppError } from '../../../kernel/app-error.ts';
import { row, type Transaction } from '../../../platform/database/index.ts';

/** What can be held. `objectId` is a UUID; for a whole tenant its own. */
export const holdKinds = ['tenant', 'bot', 'visitor', 'conversation'] as const;
/** A kind of thing that can be held. */
export type HoldKind = (typeof holdKinds)[number];

/** Whose data is asked about: a visitor, or a user of the tenant. UUIDs. */
export type HeldPerson = { visitorId: string } | { userId: string };

/** SQL: that the hold `h` is in force. */
export const inForce = 'h.lifted_at IS NULL AND (h.ends_at IS NULL OR h.ends_at > now())';

/** SQL: that a hold of tenant $1 covers a row, given the SQL of what the row belongs to. */
export function heldBy(of: { bot?: string; visitor?: string; conversation?: string }): string {
  const things = Object.entries(of).map(([kind, id]) => ` OR (h.kind = '${kind}' AND h.object_id = ${id})`);
  return `EXISTS (SELECT 1 FROM legal_holds h WHERE h.tenant_id = $1 AND ${inForce} AND (h.kind = 'tenant'${things.join('')}))`;
}

const ofVisitor = `SELECT 1 FROM legal_holds h WHERE h.tenant_id = $1 AND ${inForce} AND (
    h.kind = 'tenant' OR (h.kind = 'visitor' AND h.object_id = $2)
    OR (h.kind = 'bot' AND EXISTS (SELECT 1 FROM conversations c WHERE c.tenant_id = $1 AND c.visitor_id = $2 AND c.bot_id = h.object_id))
    OR (h.kind = 'conversation' AND EXISTS (SELECT 1 FROM conversations c WHERE c.tenant_id = $1 AND c.visitor_id = $2 AND c.id = h.object_id))
  ) LIMIT 1`;

/** What must be kept whatever else says that it goes. Asked in the transaction that would delete, as the tenant. */
export const legalHolds = {
  /** Whether anything of a person is held: themselves, a conversation of theirs, a bot that they talked to, or the whole tenant. */
  async covers(tx: Transaction, tenantId: string, person: HeldPerson): Promise<boolean> {
    if ('userId' in person) return legalHolds.coversTenant(tx, tenantId);
    return (await row(tx, ofVisitor, [tenantId, person.visitorId])) !== undefined;
  },

  /** Whether the whole tenant is held. */
  async coversTenant(tx: Transaction, tenantId: string): Promise<boolean> {
    const sql = `SELECT 1 FROM legal_holds h WHERE h.tenant_id = $1 AND ${inForce} AND h.kind = 'tenant' LIMIT 1`;
    return (await row(tx, sql, [tenantId])) !== undefined;
  },

  /** Whether anything at all of the tenant is held: what cannot be taken apart (its audit trail, the tenant itself) then stays whole. */
  async any(tx: Transaction, tenantId: string): Promise<boolean> {
    return (await row(tx, `SELECT 1 FROM legal_holds h WHERE h.tenant_id = $1 AND ${inForce} LIMIT 1`, [tenantId])) !== undefined;
  },

  /** Locks a conversation, so that nobody places a hold on it meanwhile. Throws 409 `legal_hold` where it, its visitor, its bot or the tenant is held. */
  async requireConversationFree(tx: Transaction, tenantId: string, conversationId: string): Promise<void> {
    await row(tx, 'SELECT 1 FROM conversations WHERE tenant_id = $1 AND id = $2 FOR UPDATE', [tenantId, conversationId]);
    const held = await row(
      tx,
      `SELECT 1 FROM conversations c WHERE c.tenant_id = $1 AND c.id = $2
         AND ${heldBy({ bot: 'c.bot_id', visitor: 'c.visitor_id', conversation: 'c.id' })}`,
      [tenantId, conversationId],
    );
    if (held !== undefined) throw legalHold();
  },

  /** Locks a bot likewise. Throws 409 `legal_hold` where it, the tenant, or any conversation or visitor that would go with the bot is held. */
  async requireBotFree(tx: Transaction, tenantId: string, botId: string): Promise<void> {
    await row(tx, 'SELECT 1 FROM bots WHERE tenant_id = $1 AND id = $2 FOR UPDATE', [tenantId, botId]);
    const held = await row(
      tx,
      `SELECT 1 FROM legal_holds h WHERE h.tenant_id = $1 AND ${inForce} AND (h.kind = 'tenant' OR (h.kind = 'bot' AND h.object_id = $2)
         OR EXISTS (SELECT 1 FROM conversations c WHERE c.tenant_id = $1 AND c.bot_id = $2
           AND ((h.kind = 'conversation' AND c.id = h.object_id) OR (h.kind = 'visitor' AND c.visitor_id = h.object_id)))) LIMIT 1`,
      [tenantId, botId],
    );
    if (held !== undefined) throw legalHold();
  },
};

/** 409: what is to go is held. */
export function legalHold(): AppError {
  return new AppError('legal_hold', 409, 'A legal hold keeps this from being deleted. Lift the hold first.', { retryable: false });
}
