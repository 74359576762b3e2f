import { Injectable } from '@nestjs/common';
import { changed, row, rows, type Transaction } from '../../../../platform/database/index.ts';

/** How a client may come by tokens. Whoever may use a code may refresh what it gave. */
export const grantTypes = ['client_credentials', 'authorization_code'] as const;
/** How a client may come by tokens. */
export type GrantType = (typeof grantTypes)[number];

/** True when `value` names a grant type that clients are made for. */
export function isGrantType(value: string): value is GrantType {
  return (grantTypes as readonly string[]).includes(value);
}

/** A stored client, without its secret. */
export interface OAuthClientRow {
  id: string;
  name: string;
  /** Null for a public client, which cannot keep a secret. */
  secretHint: string | null;
  grantTypes: string[];
  redirectUris: string[];
  scopes: string[];
  createdAt: Date;
}

/** A client about to be stored. */
export type OAuthClientDraft = Omit<OAuthClientRow, 'createdAt'> & { secretHash: Buffer | null };

const columns = `id, name, secret_hint AS "secretHint", grant_types AS "grantTypes", redirect_uris AS "redirectUris", scopes,
  created_at AS "createdAt"`;

/** OAuth clients in the database. */
@Injectable()
export class OAuthClientsRepository {
  /** Stores a client. */
  async insert(tx: Transaction, tenantId: string, draft: OAuthClientDraft): Promise<OAuthClientRow> {
    const inserted = await row<OAuthClientRow>(
      tx,
      `INSERT INTO oauth_clients (tenant_id, id, name, secret_hash, secret_hint, grant_types, redirect_uris, scopes)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING ${columns}`,
      [tenantId, draft.id, draft.name, draft.secretHash, draft.secretHint, draft.grantTypes, draft.redirectUris, draft.scopes],
    );
    if (inserted === undefined) throw new Error('an OAuth client was not stored');
    return inserted;
  }

  /** How many a tenant has. Those who ask at the same time wait for each other until the end of their transactions. */
  async countLocked(tx: Transaction, tenantId: string): Promise<number> {
    await rows(tx, 'SELECT 1 FROM tenants WHERE id = $1 FOR NO KEY UPDATE', [tenantId]);
    const sql = 'SELECT count(*)::int AS count FROM oauth_clients WHERE tenant_id = $1';
    return (await row<{ count: number }>(tx, sql, [tenantId]))?.count ?? 0;
  }

  /** At most `limit` clients, newest first, those after `after` in that order. */
  page(tx: Transaction, tenantId: string, limit: number, after: string | undefined): Promise<OAuthClientRow[]> {
    return rows<OAuthClientRow>(
      tx,
      `SELECT ${columns} FROM oauth_clients WHERE tenant_id = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3`,
      [tenantId, after ?? null, limit],
    );
  }

  /** One client. */
  find(tx: Transaction, tenantId: string, id: string): Promise<OAuthClientRow | undefined> {
    return row<OAuthClientRow>(tx, `SELECT ${columns} FROM oauth_clients WHERE tenant_id = $1 AND id = $2`, [tenantId, id]);
  }

  /** One client of an active tenant, with the hash of its secret. */
  findForProof(tx: Transaction, tenantId: string, id: string): Promise<(OAuthClientRow & { secretHash: Buffer | null }) | undefined> {
    return row(
      tx,
      `SELECT ${columns}, secret_hash AS "secretHash" FROM oauth_clients WHERE tenant_id = $1 AND id = $2
         AND EXISTS (SELECT 1 FROM tenants t WHERE t.id = $1 AND t.status = 'active')`,
      [tenantId, id],
    );
  }

  /** Deletes a client with all that it was given; true when there was one. */
  async delete(tx: Transaction, tenantId: string, id: string): Promise<boolean> {
    return (await changed(tx, 'DELETE FROM oauth_clients WHERE tenant_id = $1 AND id = $2', [tenantId, id])) > 0;
  }

  /** Whose the client is. Runs as the system role. */
  async locate(tx: Transaction, id: string): Promise<string | undefined> {
    return (await row<{ tenantId: string }>(tx, 'SELECT tenant_id AS "tenantId" FROM oauth_clients WHERE id = $1', [id]))?.tenantId;
  }
}
