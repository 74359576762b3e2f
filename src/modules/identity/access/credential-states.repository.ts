import { Injectable } from '@nestjs/common';
import type { Role } from '../../../kernel/permissions.ts';
import { row, rows, type Transaction } from '../../../platform/database/index.ts';

/** A session or an API key, by its ids. */
export interface CredentialRef {
  kind: 'session' | 'api_key';
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
  /** Whether a tenant has a visitor. */
  async hasVisitor(tx: Transaction, tenantId: string, visitorId: string): Promise<boolean> {
    return (await row(tx, 'SELECT 1 FROM visitors WHERE tenant_id = $1 AND id = $2', [tenantId, visitorId])) !== undefined;
  }

  /** Those of `refs` that are neither revoked nor expired, of an active tenant and, for sessions, an enabled user. One statement. */
  live(tx: Transaction, refs: CredentialRef[]): Promise<LiveCredential[]> {
    const sessions = refs.filter(({ kind }) => kind === 'session');
    const keys = refs.filter(({ kind }) => kind === 'api_key');
    return rows<LiveCredential>(
      tx,
      `SELECT 'session' AS kind, s.tenant_id AS "tenantId", s.id, s.user_id AS "userId", m.role
         FROM unnest($1::uuid[], $2::uuid[]) AS asked (tenant_id, id)
         JOIN sessions s ON s.tenant_id = asked.tenant_id AND s.id = asked.id
         JOIN memberships m ON m.tenant_id = s.tenant_id AND m.user_id = s.user_id
         JOIN tenants t ON t.id = s.tenant_id
         JOIN users u ON u.id = s.user_id
        WHERE s.revoked_at IS NULL AND s.expires_at > now() AND t.status = 'active' AND u.disabled_at IS NULL
       UNION ALL
       SELECT 'api_key', k.tenant_id, k.id, NULL, NULL
         FROM unnest($3::uuid[], $4::uuid[]) AS asked (tenant_id, id)
         JOIN api_keys k ON k.tenant_id = asked.tenant_id AND k.id = asked.id
         JOIN tenants t ON t.id = k.tenant_id
        WHERE k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now()) AND t.status = 'active'`,
      [sessions.map((ref) => ref.tenantId), sessions.map((ref) => ref.id), keys.map((ref) => ref.tenantId), keys.map((ref) => ref.id)],
    );
  }
}
