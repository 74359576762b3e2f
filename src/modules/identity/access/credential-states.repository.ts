import { Injectable } from '@nestjs/common';
import type { Role } from '../../../kernel/permissions.ts';
import { row, rows, type Transaction } from '../../../platform/database/index.ts';

/** In the order of their parameters. */
const kinds = ['session', 'api_key', 'identity_key', 'oauth_client', 'oauth_grant'] as const;

/** A session, an API key, an identity key, an OAuth client or what such a client was given, by its ids. */
export interface CredentialRef {
  kind: (typeof kinds)[number];
  tenantId: string;
  id: string;
}

/** A credential that counts right now. A session, and a grant of a member, bring their user and the role that the membership has now. */
export interface LiveCredential extends CredentialRef {
  userId: string | null;
  role: Role | null;
  /** Of a session: how and when its user proved themself, and what they could be or must be asked for. */
  amr?: string[] | null;
  provenAt?: Date | null;
  factorHeld?: boolean | null;
  factorDemanded?: boolean | null;
}

/** Proofs that are more than a password (RFC 8176), or a word of the tenant's identity provider, whose policy then counts. */
const strongMethods = new Set(['mfa', 'fed']);

/** Whether a session's user has proven themself by more than a password. */
export function isStrong({ amr }: LiveCredential): boolean {
  return (amr ?? []).some((method) => strongMethods.has(method));
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

  /** Those of `refs` that are neither revoked nor expired, of an active tenant and, where there is a user, an enabled one with the password of then. One statement. */
  live(tx: Transaction, refs: CredentialRef[]): Promise<LiveCredential[]> {
    const byKind = kinds.map((kind) => refs.filter((ref) => ref.kind === kind));
    return rows<LiveCredential>(
      tx,
      `SELECT 'session' AS kind, s.tenant_id AS "tenantId", s.id, s.user_id AS "userId", m.role, s.amr, s.proven_at AS "provenAt",
         EXISTS (SELECT 1 FROM second_factors f WHERE f.tenant_id = s.tenant_id AND f.user_id = s.user_id AND f.confirmed_at IS NOT NULL) AS "factorHeld",
         EXISTS (SELECT 1 FROM security_policies p WHERE p.tenant_id = s.tenant_id AND p.second_factor = 'required') AS "factorDemanded"
         FROM unnest($1::uuid[], $2::uuid[]) AS asked (tenant_id, id)
         JOIN sessions s ON s.tenant_id = asked.tenant_id AND s.id = asked.id
         JOIN memberships m ON m.tenant_id = s.tenant_id AND m.user_id = s.user_id
         JOIN tenants t ON t.id = s.tenant_id
         JOIN users u ON u.id = s.user_id
        WHERE s.revoked_at IS NULL AND s.expires_at > now() AND t.status = 'active' AND u.disabled_at IS NULL
          AND (u.password_changed_at IS NULL OR u.password_changed_at <= s.created_at)
       UNION ALL
       SELECT 'api_key', k.tenant_id, k.id, NULL, NULL, NULL, NULL, NULL, NULL
         FROM unnest($3::uuid[], $4::uuid[]) AS asked (tenant_id, id)
         JOIN api_keys k ON k.tenant_id = asked.tenant_id AND k.id = asked.id
         JOIN tenants t ON t.id = k.tenant_id
        WHERE k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now()) AND t.status = 'active'
       UNION ALL
       SELECT 'identity_key', i.tenant_id, i.id, NULL, NULL, NULL, NULL, NULL, NULL
         FROM unnest($5::uuid[], $6::uuid[]) AS asked (tenant_id, id)
         JOIN identity_keys i ON i.tenant_id = asked.tenant_id AND i.id = asked.id
         JOIN tenants t ON t.id = i.tenant_id
        WHERE i.revoked_at IS NULL AND t.status = 'active'
       UNION ALL
       SELECT 'oauth_client', c.tenant_id, c.id, NULL, NULL, NULL, NULL, NULL, NULL
         FROM unnest($7::uuid[], $8::uuid[]) AS asked (tenant_id, id)
         JOIN oauth_clients c ON c.tenant_id = asked.tenant_id AND c.id = asked.id
         JOIN tenants t ON t.id = c.tenant_id
        WHERE t.status = 'active'
       UNION ALL
       SELECT 'oauth_grant', g.tenant_id, g.id, g.user_id, m.role, NULL, NULL, NULL, NULL
         FROM unnest($9::uuid[], $10::uuid[]) AS asked (tenant_id, id)
         JOIN oauth_grants g ON g.tenant_id = asked.tenant_id AND g.id = asked.id
         JOIN tenants t ON t.id = g.tenant_id
         LEFT JOIN memberships m ON m.tenant_id = g.tenant_id AND m.user_id = g.user_id
         LEFT JOIN users u ON u.id = g.user_id
        WHERE g.revoked_at IS NULL AND g.expires_at > now() AND t.status = 'active'
          AND (g.user_id IS NULL OR (m.user_id IS NOT NULL AND u.id IS NOT NULL AND u.disabled_at IS NULL
            AND (u.password_changed_at IS NULL OR u.password_changed_at <= g.created_at)
            AND (g.strong OR NOT EXISTS (SELECT 1 FROM security_policies p WHERE p.tenant_id = g.tenant_id AND p.second_factor = 'required'))))`,
      byKind.flatMap((kind) => [kind.map((ref) => ref.tenantId), kind.map((ref) => ref.id)]),
    );
  }
}
