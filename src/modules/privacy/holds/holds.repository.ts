import { Injectable } from '@nestjs/common';
import { changed, row, rows, type Transaction } from '../../../platform/database/index.ts';
import { type HoldKind, inForce } from './legal-holds.ts';

/** A hold as stored. */
export interface HoldRow {
  id: string;
  kind: HoldKind;
  objectId: string;
  reasonCode: string;
  /** Public id of who placed it. */
  placedBy: string;
  placedAt: Date;
  endsAt: Date | null;
  liftedAt: Date | null;
  inForce: boolean;
}

/** What is written of a hold. */
export type HoldDraft = Pick<HoldRow, 'id' | 'kind' | 'objectId' | 'reasonCode' | 'placedBy'> & { endsAt: string | null };

const columns = `h.id, h.kind, h.object_id AS "objectId", h.reason_code AS "reasonCode", h.placed_by AS "placedBy", h.placed_at AS "placedAt",
  h.ends_at AS "endsAt", h.lifted_at AS "liftedAt", (${inForce}) AS "inForce"`;

const locking: Record<Exclude<HoldKind, 'tenant'>, string> = {
  bot: 'SELECT 1 FROM bots WHERE tenant_id = $1 AND id = $2 FOR KEY SHARE',
  visitor: 'SELECT 1 FROM visitors WHERE tenant_id = $1 AND id = $2 FOR KEY SHARE',
  conversation: `SELECT 1 FROM conversations c JOIN visitors v ON v.tenant_id = c.tenant_id AND v.id = c.visitor_id
    WHERE c.tenant_id = $1 AND c.id = $2 FOR KEY SHARE`,
};

/** Legal holds in Postgres. */
@Injectable()
export class HoldsRepository {
  async insert(tx: Transaction, tenantId: string, { id, kind, objectId, reasonCode, placedBy, endsAt }: HoldDraft): Promise<void> {
    await changed(
      tx,
      `INSERT INTO legal_holds (tenant_id, id, kind, object_id, reason_code, placed_by, ends_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
      [tenantId, id, kind, objectId, reasonCode, placedBy, endsAt],
    );
  }

  /**
   * Whether the tenant has what is to be held. Locks it, and the visitor of a conversation, until the end of the transaction: deletions and
   * erasures lock the same first, so that either sees the other.
   */
  async has(tx: Transaction, tenantId: string, kind: HoldKind, objectId: string): Promise<boolean> {
    const tenant = await row(tx, `SELECT 1 FROM tenants WHERE tenant_id = $1 AND status <> 'deleting' FOR NO KEY UPDATE`, [tenantId]);
    if (tenant === undefined) return false;
    if (kind === 'tenant') return tenantId === objectId;
    return (await row(tx, locking[kind], [tenantId, objectId])) !== undefined;
  }

  /** Whether the erasure of a visitor, or of whose conversation it is, was asked for before: what it deletes can no longer be kept. */
  async isBeingErased(tx: Transaction, tenantId: string, objectId: string): Promise<boolean> {
    const sql = `SELECT 1 FROM erasures e WHERE e.tenant_id = $1 AND e.state <> 'done' AND (e.subject_id = $2
      OR EXISTS (SELECT 1 FROM conversations c WHERE c.tenant_id = $1 AND c.id = $2 AND c.visitor_id = e.subject_id))`;
    return (await row(tx, sql, [tenantId, objectId])) !== undefined;
  }

  byId(tx: Transaction, tenantId: string, id: string): Promise<HoldRow | undefined> {
    return row<HoldRow>(tx, `SELECT ${columns} FROM legal_holds h WHERE h.tenant_id = $1 AND h.id = $2`, [tenantId, id]);
  }

  /** Newest first, after the hold `after`. */
  page(tx: Transaction, tenantId: string, limit: number, after: string | undefined): Promise<HoldRow[]> {
    return rows<HoldRow>(
      tx,
      `SELECT ${columns} FROM legal_holds h WHERE h.tenant_id = $1 AND ($3::uuid IS NULL OR h.id < $3::uuid) ORDER BY h.id DESC LIMIT $2`,
      [tenantId, limit, after ?? null],
    );
  }

  /** False when it was lifted before. */
  async lift(tx: Transaction, tenantId: string, id: string): Promise<boolean> {
    const sql = 'UPDATE legal_holds SET lifted_at = now() WHERE tenant_id = $1 AND id = $2 AND lifted_at IS NULL';
    return (await changed(tx, sql, [tenantId, id])) > 0;
  }
}
