import { Injectable } from '@nestjs/common';
import { changed, type Transaction } from '../../../../platform/database/index.ts';

/** What was given to a client: for itself, or by a member. */
export interface OAuthGrantDraft {
  id: string;
  clientId: string;
  userId: string | null;
  scopes: string[];
  /** Until it ends by itself. */
  seconds: number;
}

/** Grants in the database: each token stands on one. */
@Injectable()
export class OAuthGrantsRepository {
  /** Stores a grant. */
  async insert(tx: Transaction, tenantId: string, draft: OAuthGrantDraft): Promise<void> {
    await changed(
      tx,
      `INSERT INTO oauth_grants (tenant_id, id, client_id, user_id, scopes, expires_at)
       VALUES ($1, $2, $3, $4, $5, now() + make_interval(secs => $6))`,
      [tenantId, draft.id, draft.clientId, draft.userId, draft.scopes, draft.seconds],
    );
  }

  /** Revokes a grant of a client; true when this call did it. */
  async revoke(tx: Transaction, tenantId: string, clientId: string, id: string): Promise<boolean> {
    const sql = 'UPDATE oauth_grants SET revoked_at = now() WHERE tenant_id = $1 AND client_id = $2 AND id = $3 AND revoked_at IS NULL';
    return (await changed(tx, sql, [tenantId, clientId, id])) > 0;
  }
}
