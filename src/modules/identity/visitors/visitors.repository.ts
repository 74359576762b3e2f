import { Injectable } from '@nestjs/common';
import { changed, row, rows, type Transaction } from '../../../platform/database/index.ts';

/** A visitor about to be stored; `externalId` is ciphertext. */
export interface VisitorDraft {
  id: string;
  externalIdHash: Buffer;
  externalId: Buffer;
}

/** Visitors (a tenant's end users) in the database. */
@Injectable()
export class VisitorsRepository {
  /** Id of the visitor with that keyed hash of the external id. */
  async findId(tx: Transaction, tenantId: string, externalIdHash: Buffer): Promise<string | undefined> {
    return (
      await row<{ id: string }>(tx, 'SELECT id FROM visitors WHERE tenant_id = $1 AND external_id_hash = $2', [tenantId, externalIdHash])
    )?.id;
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

  /** True when the tenant has that visitor. */
  async exists(tx: Transaction, tenantId: string, id: string): Promise<boolean> {
    return (await row(tx, 'SELECT 1 FROM visitors WHERE tenant_id = $1 AND id = $2', [tenantId, id])) !== undefined;
  }
}
