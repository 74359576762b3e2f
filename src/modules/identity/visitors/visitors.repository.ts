import { Injectable } from '@nestjs/common';
import { changed, row, rows, type Transaction } from '../../../platform/database/index.ts';

/** A visitor about to be stored; `externalId` is ciphertext. */
export interface VisitorDraft {
  id: string;
  externalIdHash: Buffer;
  externalId: Buffer;
}

/** A visitor who is there. */
export interface FoundVisitor {
  id: string;
  banned: boolean;
}

const banned = 'EXISTS (SELECT 1 FROM visitor_bans b WHERE b.tenant_id = v.tenant_id AND b.visitor_id = v.id) AS banned';

/** Visitors (a tenant's end users) in the database. */
@Injectable()
export class VisitorsRepository {
  /** The visitor with that keyed hash of the external id. */
  find(tx: Transaction, tenantId: string, externalIdHash: Buffer): Promise<FoundVisitor | undefined> {
    return row<FoundVisitor>(tx, `SELECT id, ${banned} FROM visitors v WHERE tenant_id = $1 AND external_id_hash = $2`, [
      tenantId,
      externalIdHash,
    ]);
  }

  /** Stores a visitor; false when the external id is taken. */
  async insert(tx: Transaction, tenantId: string, draft: VisitorDraft): Promise<boolean> {
    const count = await changed(
      tx,
      `INSERT INTO visitors (tenant_id, id, external_id_hash, external_id) VALUES ($1, $2, $3, $4)
       ON CONFLICT (tenant_id, external_id_hash) DO NOTHING`,
      [tenantId, draft.id, draft.externalIdHash, draft.externalId],
    );
    return count > 0;
  }

  /** The tenant's visitors among `ids`; `externalId` is ciphertext. */
  byIds(tx: Transaction, tenantId: string, ids: string[]): Promise<{ id: string; externalId: Buffer }[]> {
    return rows(tx, 'SELECT id, external_id AS "externalId" FROM visitors WHERE tenant_id = $1 AND id = ANY($2::uuid[])', [tenantId, ids]);
  }

  /** The visitor with that id. */
  byId(tx: Transaction, tenantId: string, id: string): Promise<FoundVisitor | undefined> {
    return row<FoundVisitor>(tx, `SELECT id, ${banned} FROM visitors v WHERE tenant_id = $1 AND id = $2`, [tenantId, id]);
  }

  /** Replaces what is said of a visitor; `attributes` is ciphertext. */
  async describe(tx: Transaction, tenantId: string, id: string, attributes: Buffer): Promise<void> {
    await changed(tx, 'UPDATE visitors SET attributes = $3 WHERE tenant_id = $1 AND id = $2', [tenantId, id, attributes]);
  }
}
