import { Injectable } from '@nestjs/common';
import { changed, row, rows, type Transaction } from '../../../../platform/database/index.ts';

/** What is given to a client for itself. */
export interface OAuthGrantDraft {
  id: string;
  clientId: string;
  scopes: string[];
  /** Until it ends by itself. */
  seconds: number;
}

/** What a member gives to a client, which comes by it with a code. */
export interface MemberGrantDraft extends OAuthGrantDraft {
  userId: string;
  codeHash: Buffer;
  codeChallenge: string;
  redirectUri: string;
  /** Whether the member had proven themself by more than a password: without that it does not count where the tenant demands a second factor. */
  strong: boolean;
}

/** A grant that is locked for the rest of the transaction, found by its code. */
export interface CodeGrant {
  id: string;
  clientId: string;
  userId: string;
  scopes: string[];
  redirectUri: string;
  codeChallenge: string;
  used: boolean;
  /** Neither revoked nor past its time. */
  live: boolean;
}

/** A grant as its member sees it. */
export interface MemberGrantRow {
  id: string;
  clientId: string;
  clientName: string;
  scopes: string[];
  createdAt: Date;
  expiresAt: Date;
}

/** Grants in the database: each token stands on one. */
@Injectable()
export class OAuthGrantsRepository {
  /** Stores what a client gets for itself. */
  async insert(tx: Transaction, tenantId: string, draft: OAuthGrantDraft): Promise<void> {
    await changed(
      tx,
      `INSERT INTO oauth_grants (tenant_id, id, client_id, scopes, expires_at)
       VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5))`,
      [tenantId, draft.id, draft.clientId, draft.scopes, draft.seconds],
    );
  }

  /** Stores what a member gives. It ends with its code, unless that is used. */
  async insertOfMember(tx: Transaction, tenantId: string, draft: MemberGrantDraft): Promise<void> {
    await changed(
      tx,
      `INSERT INTO oauth_grants (tenant_id, id, client_id, user_id, scopes, expires_at, code_expires_at, code_hash, code_challenge, redirect_uri, strong)
       VALUES ($1, $2, $3, $4, $5, now() + make_interval(secs => $6), now() + make_interval(secs => $6), $7, $8, $9, $10)`,
      [
        tenantId,
        draft.id,
        draft.clientId,
        draft.userId,
        draft.scopes,
        draft.seconds,
        draft.codeHash,
        draft.codeChallenge,
        draft.redirectUri,
        draft.strong,
      ],
    );
  }

  /** Locks the grant of a code, so that of parallel exchanges one is the first. */
  lockByCode(tx: Transaction, tenantId: string, codeHash: Buffer): Promise<CodeGrant | undefined> {
    return row<CodeGrant>(
      tx,
      `SELECT id, client_id AS "clientId", user_id AS "userId", scopes, redirect_uri AS "redirectUri", code_challenge AS "codeChallenge",
              code_used_at IS NOT NULL AS used, revoked_at IS NULL AND expires_at > now() AND code_expires_at > now() AS live
         FROM oauth_grants WHERE tenant_id = $1 AND code_hash = $2 FOR UPDATE`,
      [tenantId, codeHash],
    );
  }

  /** Marks the code of a locked grant as used; from then on it lives for `seconds`. */
  async useCode(tx: Transaction, tenantId: string, id: string, seconds: number): Promise<void> {
    await changed(
      tx,
      `UPDATE oauth_grants SET code_used_at = now(), expires_at = now() + make_interval(secs => $3) WHERE tenant_id = $1 AND id = $2`,
      [tenantId, id, seconds],
    );
  }

  /** What a member has given to apps and counts, newest first, at most `limit`, those after `after` in that order. */
  pageOfMember(tx: Transaction, tenantId: string, userId: string, limit: number, after: string | undefined): Promise<MemberGrantRow[]> {
    return rows<MemberGrantRow>(
      tx,
      `SELECT g.id, g.client_id AS "clientId", c.name AS "clientName", g.scopes, g.created_at AS "createdAt", g.expires_at AS "expiresAt"
         FROM oauth_grants g JOIN oauth_clients c ON c.tenant_id = g.tenant_id AND c.id = g.client_id
        WHERE g.tenant_id = $1 AND g.user_id = $2 AND g.revoked_at IS NULL AND g.expires_at > now() AND ($3::uuid IS NULL OR g.id < $3)
        ORDER BY g.id DESC LIMIT $4`,
      [tenantId, userId, after ?? null, limit],
    );
  }

  /** Revokes a grant of a client; true when this call did it. */
  async revoke(tx: Transaction, tenantId: string, clientId: string, id: string): Promise<boolean> {
    const sql = 'UPDATE oauth_grants SET revoked_at = now() WHERE tenant_id = $1 AND client_id = $2 AND id = $3 AND revoked_at IS NULL';
    return (await changed(tx, sql, [tenantId, clientId, id])) > 0;
  }

  /** Revokes what a member has given; true when this call did it. */
  async revokeOfMember(tx: Transaction, tenantId: string, userId: string, id: string): Promise<boolean> {
    const sql =
      'UPDATE oauth_grants SET revoked_at = now() WHERE tenant_id = $1 AND user_id = $2 AND id = $3 AND revoked_at IS NULL AND expires_at > now()';
    return (await changed(tx, sql, [tenantId, userId, id])) > 0;
  }
}
