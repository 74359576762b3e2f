import { Injectable } from '@nestjs/common';
import type { Role } from '../../../kernel/permissions.ts';
import { changed, row, rows, type Transaction } from '../../../platform/database/index.ts';

/** A link as stored. */
export interface LinkRow {
  id: string;
  providerId: string;
  providerName: string;
  createdAt: Date;
  lastUsedAt: Date | null;
}

/** A member who might be who signs in. */
export interface MemberOfEmail {
  userId: string;
  role: Role;
  /** Whether they are a member of no other tenant. */
  onlyHere: boolean;
  /** Whether the tenant's directory has made their account. */
  made: boolean;
}

/** Which member signs in with which account at a provider, in Postgres. */
@Injectable()
export class LinkedIdentitiesRepository {
  /** Whose a provider's account is; notes that it was used. */
  async use(tx: Transaction, tenantId: string, providerId: string, subjectHash: Buffer): Promise<string | undefined> {
    const used = await row<{ userId: string }>(
      tx,
      `UPDATE linked_identities SET last_used_at = now() WHERE tenant_id = $1 AND provider_id = $2 AND subject_hash = $3
       RETURNING user_id AS "userId"`,
      [tenantId, providerId, subjectHash],
    );
    return used?.userId;
  }

  /** Links an account at a provider to a member; false where it is linked already, to whomever. */
  async insert(
    tx: Transaction,
    tenantId: string,
    link: { id: string; providerId: string; subjectHash: Buffer; userId: string },
  ): Promise<boolean> {
    const count = await changed(
      tx,
      `INSERT INTO linked_identities (tenant_id, id, provider_id, subject_hash, user_id, last_used_at) VALUES ($1, $2, $3, $4, $5, now())
       ON CONFLICT (tenant_id, provider_id, subject_hash) DO NOTHING`,
      [tenantId, link.id, link.providerId, link.subjectHash, link.userId],
    );
    return count > 0;
  }

  /** A member's links, newest first. */
  ofUser(tx: Transaction, tenantId: string, userId: string): Promise<LinkRow[]> {
    return rows<LinkRow>(
      tx,
      `SELECT l.id, l.provider_id AS "providerId", p.name AS "providerName", l.created_at AS "createdAt", l.last_used_at AS "lastUsedAt"
         FROM linked_identities l JOIN identity_providers p ON p.tenant_id = l.tenant_id AND p.id = l.provider_id
        WHERE l.tenant_id = $1 AND l.user_id = $2 ORDER BY l.id DESC LIMIT 100`,
      [tenantId, userId],
    );
  }

  /** Ends a link of a member; gives its provider, undefined where there is none. */
  async delete(tx: Transaction, tenantId: string, userId: string, id: string): Promise<string | undefined> {
    const gone = await row<{ providerId: string }>(
      tx,
      'DELETE FROM linked_identities WHERE tenant_id = $1 AND user_id = $2 AND id = $3 RETURNING provider_id AS "providerId"',
      [tenantId, userId, id],
    );
    return gone?.providerId;
  }

  /** Whether the tenant's directory has switched off somebody with this e-mail. */
  async isSwitchedOff(tx: Transaction, tenantId: string, emailHash: Buffer): Promise<boolean> {
    const sql = 'SELECT 1 FROM scim_users WHERE tenant_id = $1 AND email_hash = $2 AND NOT active';
    return (await row(tx, sql, [tenantId, emailHash])) !== undefined;
  }

  /** Enabled members of an active tenant with this e-mail, at most ten. Runs as the system role. */
  membersOf(tx: Transaction, tenantId: string, emailHash: Buffer): Promise<MemberOfEmail[]> {
    return rows<MemberOfEmail>(
      tx,
      `SELECT u.id AS "userId", m.role,
              NOT EXISTS (SELECT 1 FROM memberships o WHERE o.user_id = u.id AND o.tenant_id <> m.tenant_id) AS "onlyHere",
              EXISTS (SELECT 1 FROM scim_users s WHERE s.tenant_id = m.tenant_id AND s.user_id = u.id AND s.made) AS made
         FROM users u JOIN memberships m ON m.user_id = u.id JOIN tenants t ON t.id = m.tenant_id
        WHERE u.email_hash = $2 AND m.tenant_id = $1 AND u.disabled_at IS NULL AND t.status = 'active' ORDER BY u.id DESC LIMIT 10`,
      [tenantId, emailHash],
    );
  }

  /** The role of a member who may come in right now: an enabled user in an active tenant. Runs as the system role. */
  async roleOf(tx: Transaction, tenantId: string, userId: string): Promise<Role | undefined> {
    const found = await row<{ role: Role }>(
      tx,
      `SELECT m.role FROM memberships m JOIN users u ON u.id = m.user_id JOIN tenants t ON t.id = m.tenant_id
        WHERE m.tenant_id = $1 AND m.user_id = $2 AND u.disabled_at IS NULL AND t.status = 'active'`,
      [tenantId, userId],
    );
    return found?.role;
  }
}
