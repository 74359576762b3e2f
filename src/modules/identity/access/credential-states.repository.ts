import { Injectable } from '@nestjs/common';
import type { Role } from '../../../kernel/permissions.ts';
import { row, rows, type Transaction } from '../../../platform/database/index.ts';

/** A session, an API key or an identity key, by its ids. */
export interface CredentialRef {
  kind: 'session' | 'api_key' | 'identity_key';
  tenantId: string;
  id: string;
}

/** A credential that counts right now. A session brings its user and the role that its membership has now. */
export interface LiveCredential extends CredentialRef {
  userId: string | null;
  role: Role | null;
}

/** Which credentials count. Runs as the system role: ids, states and times only. */
@Injectable()
export class CredentialStatesRepository {
  /** Whether a tenant has a visitor, and whether they are banned. */
  visitor(tx: Transaction, tenantId: string, visitorId: string): Promise<{ banned: boolean } | undefined> {
    return row(
      tx,
      `SELECT EXISTS (SELECT 1 FROM visitor_bans b WHERE b.tenant_id = $1 AND b.visitor_id = $2) AS banned
       FROM visitors WHERE tenant_id = $1 AND id = $2`,
      [tenantId, visitorId],
    );
  }

  /** Those of `refs` that are neither revoked nor expired, of an active tenant and, for sessions, an enabled user with the password of then. One statement. */
  live(tx: Transaction, refs: CredentialRef[]): Promise<LiveCredential[]> {
    const sessions = refs.filter(({ kind }) => kind === 'session');
    const keys = refs.filter(({ kind }) => kind === 'api_key');
    const identityKeys = refs.filter(({ kind }) => kind === 'identity_key');
    return rows<LiveCredential>(
      tx,
      `SELECT 'session' AS kind, s.tenant_id AS "tenantId", s.id, s.user_id AS "userId", m.role
         FROM unnest($1::uuid[], $2::uuid[]) AS asked (tenant_id, id)
         JOIN sessions s ON s.tenant_id = asked.tenant_id AND s.id = asked.id
         JOIN memberships m ON m.tenant_id = s.tenant_id AND m.user_id = s.user_id
         JOIN tenants t ON t.id = s.tenant_id
         JOIN users u ON u.id = s.user_id
        WHERE s.revoked_at IS NULL AND s.expires_at > now() AND t.status = 'active' AND u.disabled_at IS NULL
          AND (u.password_changed_at IS NULL OR u.password_changed_at <= s.created_at)
       UNION ALL
       SELECT 'api_key', k.tenant_id, k.id, NULL, NULL
         FROM unnest($3::uuid[], $4::uuid[]) AS asked (tenant_id, id)
         JOIN api_keys k ON k.tenant_id = asked.tenant_id AND k.id = asked.id
         JOIN tenants t ON t.id = k.tenant_id
        WHERE k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now()) AND t.status = 'active'
       UNION ALL
       SELECT 'identity_key', i.tenant_id, i.id, NULL, NULL
         FROM unnest($5::uuid[], $6::uuid[]) AS asked (tenant_id, id)
         JOIN identity_keys i ON i.tenant_id = asked.tenant_id AND i.id = asked.id
         JOIN tenants t ON t.id = i.tenant_id
        WHERE i.revoked_at IS NULL AND t.status = 'active'`,
      [sessions, keys, identityKeys].flatMap((kind) => [kind.map((ref) => ref.tenantId), kind.map((ref) => ref.id)]),
    );
  }
}
