import { Injectable } from '@nestjs/common';
import { changed, row, rows, type Transaction } from '../../../platform/database/index.ts';

/** Algorithms with which a tenant may sign. */
export const identityAlgorithms = ['HS256', 'ES256'] as const;
/** One of them. */
export type IdentityAlgorithm = (typeof identityAlgorithms)[number];

/** A stored key, without what it is made of. */
export interface IdentityKeyRow {
  id: string;
  name: string;
  algorithm: IdentityAlgorithm;
  createdAt: Date;
}

/** A key with the sealed secret (HS256) or public JWK (ES256). */
export interface IdentityKeyMaterial {
  algorithm: IdentityAlgorithm;
  material: Buffer;
}

const columns = 'id, name, algorithm, created_at AS "createdAt"';

/** A tenant's identity keys in the database. A revoked one stays for the record but is found no more. */
@Injectable()
export class IdentityKeysRepository {
  /** Stores a key. */
  async insert(
    tx: Transaction,
    tenantId: string,
    draft: Pick<IdentityKeyRow, 'id' | 'name'> & IdentityKeyMaterial,
  ): Promise<IdentityKeyRow> {
    const inserted = await row<IdentityKeyRow>(
      tx,
      `INSERT INTO identity_keys (tenant_id, id, name, algorithm, material) VALUES ($1, $2, $3, $4, $5) RETURNING ${columns}`,
      [tenantId, draft.id, draft.name, draft.algorithm, draft.material],
    );
    if (inserted === undefined) throw new Error('an identity key was not stored');
    return inserted;
  }

  /** Keys that count. Those who ask at the same time wait for each other until the end of their transactions. */
  async countLocked(tx: Transaction, tenantId: string): Promise<number> {
    await rows(tx, 'SELECT 1 FROM tenants WHERE id = $1 FOR NO KEY UPDATE', [tenantId]);
    const sql = 'SELECT count(*)::int AS count FROM identity_keys WHERE tenant_id = $1 AND revoked_at IS NULL';
    return (await row<{ count: number }>(tx, sql, [tenantId]))?.count ?? 0;
  }

  /** At most `limit` keys, newest first, those after `after` in that order. */
  page(tx: Transaction, tenantId: string, limit: number, after: string | undefined): Promise<IdentityKeyRow[]> {
    return rows<IdentityKeyRow>(
      tx,
      `SELECT ${columns} FROM identity_keys WHERE tenant_id = $1 AND revoked_at IS NULL AND ($2::uuid IS NULL OR id < $2)
       ORDER BY id DESC LIMIT $3`,
      [tenantId, after ?? null, limit],
    );
  }

  /** What one key that is not revoked is made of. */
  material(tx: Transaction, tenantId: string, id: string): Promise<IdentityKeyMaterial | undefined> {
    return row<IdentityKeyMaterial>(
      tx,
      'SELECT algorithm, material FROM identity_keys WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL',
      [tenantId, id],
    );
  }

  /** Revokes a key; true when this call did it. */
  async revoke(tx: Transaction, tenantId: string, id: string): Promise<boolean> {
    const sql = 'UPDATE identity_keys SET revoked_at = now() WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL';
    return (await changed(tx, sql, [tenantId, id])) > 0;
  }
}
