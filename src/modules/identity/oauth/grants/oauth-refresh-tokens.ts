import { Injectable } from '@nestjs/common';
import { newSecret, newUuid } from '../../../../kernel/ids.ts';
import { KeyedHash } from '../../../../platform/crypto/index.ts';
import { changed, row, type Transaction } from '../../../../platform/database/index.ts';

const pattern = /^ort_[\w-]{43}$/;

/** The grant of a refresh token, locked for the rest of the transaction. */
export interface RefreshedGrant {
  tokenId: string;
  id: string;
  clientId: string;
  userId: string;
  scopes: string[];
  expiresAt: Date;
  /** Not revoked, not past its time, not idle for too long. */
  live: boolean;
}

/** Refresh tokens of apps, of which only keyed hashes are stored. Each is used once. */
@Injectable()
export class OAuthRefreshTokens {
  constructor(private readonly hash: KeyedHash) {}

  /** Stores a new one for a grant; gives it. */
  async add(tx: Transaction, tenantId: string, grantId: string): Promise<string> {
    const token = `ort_${newSecret(32)}`;
    const sql = 'INSERT INTO oauth_refresh_tokens (tenant_id, id, grant_id, token_hash) VALUES ($1, $2, $3, $4)';
    await changed(tx, sql, [tenantId, newUuid(), grantId, this.hashOf(tenantId, token)]);
    return token;
  }

  /** The grant of a token, used or not. */
  async find(tx: Transaction, tenantId: string, token: string): Promise<{ id: string; clientId: string } | undefined> {
    if (!pattern.test(token)) return undefined;
    return row(
      tx,
      `SELECT g.id, g.client_id AS "clientId" FROM oauth_refresh_tokens r
         JOIN oauth_grants g ON g.tenant_id = r.tenant_id AND g.id = r.grant_id WHERE r.tenant_id = $1 AND r.token_hash = $2`,
      [tenantId, this.hashOf(tenantId, token)],
    );
  }

  /** Locks the grant of a token, so that its tokens change hands one at a time. Limits that are shorter than at its beginning count from now on. */
  async lock(
    tx: Transaction,
    tenantId: string,
    token: string,
    limits: { sessionSeconds: number; idleSeconds: number },
  ): Promise<RefreshedGrant | undefined> {
    if (!pattern.test(token)) return undefined;
    return row<RefreshedGrant>(
      tx,
      `SELECT r.id AS "tokenId", g.id, g.client_id AS "clientId", g.user_id AS "userId", g.scopes, g.expires_at AS "expiresAt",
              g.revoked_at IS NULL AND g.expires_at > now() AND g.created_at > now() - make_interval(secs => $3)
              AND (SELECT max(n.created_at) FROM oauth_refresh_tokens n WHERE n.tenant_id = $1 AND n.grant_id = g.id)
                > now() - make_interval(secs => $4) AS live
         FROM oauth_refresh_tokens r JOIN oauth_grants g ON g.tenant_id = r.tenant_id AND g.id = r.grant_id
        WHERE r.tenant_id = $1 AND r.token_hash = $2 FOR UPDATE OF g`,
      [tenantId, this.hashOf(tenantId, token), limits.sessionSeconds, limits.idleSeconds],
    );
  }

  /** Marks a token as used; true when this call was the first. */
  async use(tx: Transaction, tenantId: string, tokenId: string): Promise<boolean> {
    const sql = 'UPDATE oauth_refresh_tokens SET used_at = clock_timestamp() WHERE tenant_id = $1 AND id = $2 AND used_at IS NULL';
    return (await changed(tx, sql, [tenantId, tokenId])) > 0;
  }

  /** Whether a token's first use was less than `seconds` ago, and how many tokens its grant got within that time. */
  async usedWithin(tx: Transaction, tenantId: string, tokenId: string, seconds: number): Promise<{ recent: boolean; made: number }> {
    const found = await row<{ recent: boolean; made: number }>(
      tx,
      `SELECT coalesce(r.used_at > clock_timestamp() - make_interval(secs => $3), false) AS recent,
              (SELECT count(*)::int FROM oauth_refresh_tokens n WHERE n.tenant_id = $1 AND n.grant_id = r.grant_id
                 AND n.created_at > clock_timestamp() - make_interval(secs => $3)) AS made
         FROM oauth_refresh_tokens r WHERE r.tenant_id = $1 AND r.id = $2`,
      [tenantId, tokenId, seconds],
    );
    return found ?? { recent: false, made: 0 };
  }

  private hashOf(tenantId: string, token: string): Buffer {
    return this.hash.of('oauth-refresh-token', tenantId, token);
  }
}
