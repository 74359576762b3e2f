import { Injectable } from '@nestjs/common';
import type { Role } from '../../../kernel/permissions.ts';
import { changed, row, rows, type Transaction } from '../../../platform/database/index.ts';
import type { StoredClient } from './session-clients.ts';

/** Where a refresh token is, and whether its user may come in at all: enabled, and with the password of that session still. */
export interface LocatedToken {
  tenantId: string;
  id: string;
  sessionId: string;
  userDisabled: boolean;
}

/** A session that is locked for the rest of the transaction. */
export interface LockedSession {
  userId: string;
  role: Role;
  deviceHash: Buffer | null;
  /** Not revoked, not expired, not idle for too long, tenant active. */
  live: boolean;
}

/** What is stored of a new session. */
export interface SessionDraft extends StoredClient {
  tenantId: string;
  id: string;
  userId: string;
  /** How the user proved themself, by names of RFC 8176. */
  amr: readonly string[];
  /** Which of the tenant's providers let its user in, if one did. */
  identityProviderId?: string | undefined;
  seconds: number;
}

/** A session as its owner sees it; `client` is ciphertext. */
export interface SessionRow {
  id: string;
  client: Buffer | null;
  amr: string[];
  createdAt: Date;
  lastSeenAt: Date | null;
  expiresAt: Date;
}

/** Sessions and their refresh tokens in the database. */
@Injectable()
export class SessionsRepository {
  /** Stores a session that ends after so many `seconds`, whatever happens. */
  async insert(tx: Transaction, session: SessionDraft): Promise<void> {
    const { tenantId, id, userId, client, deviceHash } = session;
    await changed(
      tx,
      `INSERT INTO sessions (tenant_id, id, user_id, expires_at, client, device_hash, last_seen_at, amr, identity_provider_id)
       VALUES ($1, $2, $3, now() + make_interval(secs => $4), $5, $6, now(), $7, $8)`,
      [tenantId, id, userId, session.seconds, client, deviceHash, session.amr, session.identityProviderId ?? null],
    );
  }

  /** Revokes the sessions that an identity provider has opened. */
  async revokeOfProvider(tx: Transaction, tenantId: string, identityProviderId: string): Promise<void> {
    await changed(
      tx,
      `UPDATE sessions SET revoked_at = now(), revoked_reason = 'identity_provider_off'
        WHERE tenant_id = $1 AND identity_provider_id = $2 AND revoked_at IS NULL`,
      [tenantId, identityProviderId],
    );
  }

  /** Stores a refresh token of a session. */
  async insertToken(tx: Transaction, token: { tenantId: string; id: string; sessionId: string; hash: Buffer }): Promise<void> {
    await changed(tx, 'INSERT INTO refresh_tokens (tenant_id, id, session_id, token_hash) VALUES ($1, $2, $3, $4)', [
      token.tenantId,
      token.id,
      token.sessionId,
      token.hash,
    ]);
  }

  /** Finds a refresh token by its keyed hash. Runs as the system role. */
  locate(tx: Transaction, hash: Buffer): Promise<LocatedToken | undefined> {
    return row<LocatedToken>(
      tx,
      `SELECT r.tenant_id AS "tenantId", r.id, r.session_id AS "sessionId", u.disabled_at IS NOT NULL OR coalesce(u.password_changed_at > s.created_at, false) AS "userDisabled"
         FROM refresh_tokens r
         JOIN sessions s ON s.tenant_id = r.tenant_id AND s.id = r.session_id
         JOIN users u ON u.id = s.user_id
        WHERE r.token_hash = $1`,
      [hash],
    );
  }

  /** Locks a session, so that its tokens change hands one at a time. Limits that are shorter than at sign-in count from now on. */
  lock(
    tx: Transaction,
    tenantId: string,
    sessionId: string,
    limits: { sessionSeconds: number; idleSeconds: number },
  ): Promise<LockedSession | undefined> {
    return row<LockedSession>(
      tx,
      `SELECT s.user_id AS "userId", m.role, s.device_hash AS "deviceHash", s.revoked_at IS NULL AND s.expires_at > now() AND t.status = 'active'
              AND s.created_at > now() - make_interval(secs => $3)
              AND (SELECT max(r.created_at) FROM refresh_tokens r WHERE r.tenant_id = $1 AND r.session_id = s.id)
                > now() - make_interval(secs => $4) AS live
         FROM sessions s
         JOIN memberships m ON m.tenant_id = s.tenant_id AND m.user_id = s.user_id
         JOIN tenants t ON t.id = s.tenant_id
        WHERE s.tenant_id = $1 AND s.id = $2 FOR UPDATE OF s`,
      [tenantId, sessionId, limits.sessionSeconds, limits.idleSeconds],
    );
  }

  /** Marks a token as used; true when this call was the first. */
  async use(tx: Transaction, tenantId: string, tokenId: string): Promise<boolean> {
    const count = await changed(
      tx,
      'UPDATE refresh_tokens SET used_at = clock_timestamp() WHERE tenant_id = $1 AND id = $2 AND used_at IS NULL',
      [tenantId, tokenId],
    );
    return count > 0;
  }

  /** True when a token's first use was less than `seconds` ago. */
  async usedWithin(tx: Transaction, tenantId: string, tokenId: string, seconds: number): Promise<boolean> {
    const found = await row<{ recent: boolean }>(
      tx,
      `SELECT used_at > clock_timestamp() - make_interval(secs => $3) AS recent FROM refresh_tokens WHERE tenant_id = $1 AND id = $2`,
      [tenantId, tokenId, seconds],
    );
    return found?.recent === true;
  }

  /** Tokens of a session made within the last `seconds`. */
  async tokensMadeWithin(tx: Transaction, tenantId: string, sessionId: string, seconds: number): Promise<number> {
    const found = await row<{ count: number }>(
      tx,
      `SELECT count(*)::int AS count FROM refresh_tokens
        WHERE tenant_id = $1 AND session_id = $2 AND created_at > clock_timestamp() - make_interval(secs => $3)`,
      [tenantId, sessionId, seconds],
    );
    return found?.count ?? 0;
  }

  /** Revokes a session; gives whose it was when this call did it. */
  async revoke(
    tx: Transaction,
    tenantId: string,
    sessionId: string,
    reason: 'signed_out' | 'revoked' | 'refresh_token_reused' | 'moved_device',
  ): Promise<string | undefined> {
    const revoked = await row<{ userId: string }>(
      tx,
      `UPDATE sessions SET revoked_at = now(), revoked_reason = $3 WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL
       RETURNING user_id AS "userId"`,
      [tenantId, sessionId, reason],
    );
    return revoked?.userId;
  }

  /** Notes that a session was used now. */
  async seen(tx: Transaction, tenantId: string, sessionId: string): Promise<void> {
    await changed(tx, 'UPDATE sessions SET last_seen_at = now() WHERE tenant_id = $1 AND id = $2', [tenantId, sessionId]);
  }

  /** Live sessions of a member, newest first. */
  liveOf(tx: Transaction, tenantId: string, userId: string): Promise<SessionRow[]> {
    return rows<SessionRow>(
      tx,
      `SELECT s.id, s.client, s.amr, s.created_at AS "createdAt", s.last_seen_at AS "lastSeenAt", s.expires_at AS "expiresAt" FROM sessions s
        WHERE s.tenant_id = $1 AND s.user_id = $2 AND s.revoked_at IS NULL AND s.expires_at > now() ORDER BY s.created_at DESC, s.id LIMIT 200`,
      [tenantId, userId],
    );
  }

  /** Revokes sessions of a member but for `except`; gives which. `only`: that one alone. */
  async revokeOf(
    tx: Transaction,
    { tenantId, userId }: { tenantId: string; userId: string },
    which: { only?: string; except?: string } = {},
  ): Promise<string[]> {
    const revoked = await rows<{ id: string }>(
      tx,
      `UPDATE sessions SET revoked_at = now(), revoked_reason = 'revoked' WHERE tenant_id = $1 AND user_id = $2 AND revoked_at IS NULL
         AND expires_at > now() AND ($3::uuid IS NULL OR id = $3) AND ($4::uuid IS NULL OR id <> $4) RETURNING id`,
      [tenantId, userId, which.only ?? null, which.except ?? null],
    );
    return revoked.map(({ id }) => id);
  }
}
