import { Injectable } from '@nestjs/common';
import { changed, row, rows, type Transaction } from '../../../platform/database/index.ts';
import type { TokenSubject } from './recovery-token.ts';

/** A user as recovery needs them. */
export interface RecoverableUser extends TokenSubject {
  emailVerified: boolean;
}

/** Accounts whose passwords or e-mails are in question, in Postgres. Users belong to no tenant: all but `endSessions` runs as the system role. */
@Injectable()
export class RecoveryRepository {
  /** An enabled user. */
  user(tx: Transaction, userId: string): Promise<RecoverableUser | undefined> {
    return row<RecoverableUser>(
      tx,
      `SELECT id AS "userId", email_hash AS "emailHash", password_hash AS "passwordHash", password_changed_at AS "passwordChangedAt",
         email_verified_at IS NOT NULL AS "emailVerified"
       FROM users WHERE id = $1 AND disabled_at IS NULL`,
      [userId],
    );
  }

  /**
   * Accounts of an e-mail, each with one of its tenants: those whose mailbox was proven first, then the newest. At most `limit`, so that
   * sign-ups under somebody else's e-mail neither flood their mailbox nor hide their own account.
   */
  accounts(tx: Transaction, emailHash: Buffer, limit: number): Promise<{ userId: string; tenantId: string }[]> {
    return rows(
      tx,
      `SELECT u.id AS "userId", m.tenant_id AS "tenantId" FROM users u
         JOIN LATERAL (SELECT m.tenant_id FROM memberships m JOIN tenants t ON t.id = m.tenant_id
                        WHERE m.user_id = u.id AND t.status = 'active' ORDER BY m.created_at LIMIT 1) m ON true
        WHERE u.email_hash = $1 AND u.disabled_at IS NULL
        ORDER BY u.email_verified_at IS NULL, u.id DESC LIMIT $2`,
      [emailHash, limit],
    );
  }

  /** Sets a password, unless it has been changed since `user` was read. Whoever did it by mail has proven the mailbox. */
  async setPassword(tx: Transaction, user: TokenSubject, passwordHash: Buffer, byMail: boolean): Promise<boolean> {
    const count = await changed(
      tx,
      `UPDATE users SET password_hash = $2, password_changed_at = date_trunc('milliseconds', clock_timestamp()),
         email_verified_at = CASE WHEN $4 THEN coalesce(email_verified_at, now()) ELSE email_verified_at END
       WHERE id = $1 AND disabled_at IS NULL AND password_changed_at IS NOT DISTINCT FROM $3::timestamptz`,
      [user.userId, passwordHash, user.passwordChangedAt, byMail],
    );
    return count > 0;
  }

  /** Notes that a user's mailbox is theirs. */
  async setVerified(tx: Transaction, userId: string): Promise<void> {
    await changed(tx, 'UPDATE users SET email_verified_at = now() WHERE id = $1 AND email_verified_at IS NULL', [userId]);
  }

  /** The tenants of a user. */
  async tenantsOf(tx: Transaction, userId: string): Promise<string[]> {
    const found = await rows<{ tenantId: string }>(tx, 'SELECT tenant_id AS "tenantId" FROM memberships WHERE user_id = $1', [userId]);
    return found.map(({ tenantId }) => tenantId);
  }

  /** Ends all of a user's sessions in the tenant of the transaction. */
  async endSessions(tx: Transaction, tenantId: string, userId: string): Promise<number> {
    return changed(
      tx,
      `UPDATE sessions SET revoked_at = now(), revoked_reason = 'password_changed'
       WHERE tenant_id = $1 AND user_id = $2 AND revoked_at IS NULL`,
      [tenantId, userId],
    );
  }
}
