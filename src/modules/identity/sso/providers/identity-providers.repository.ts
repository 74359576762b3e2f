import { Injectable } from '@nestjs/common';
import type { Role } from '../../../../kernel/permissions.ts';
import { changed, row, rows, type Transaction } from '../../../../platform/database/index.ts';
import type { ProviderKind } from './provider-kinds.ts';

/** Who joins by signing in: anybody but an owner. */
export type JoinRole = Exclude<Role, 'owner'>;

/** An identity provider as stored; `clientSecret` is ciphertext. */
export interface ProviderRow {
  id: string;
  name: string;
  kind: ProviderKind;
  issuer: string;
  clientId: string;
  /** Null for a public client. */
  clientSecret: Buffer | null;
  scopes: string[];
  /** Null = nobody joins by signing in. */
  joinRole: JoinRole | null;
  joinDomains: string[];
  /** Its word on e-mails of the tenant's proven domains counts. */
  authoritative: boolean;
  enabled: boolean;
  /** Of a SAML provider, what can be changed. */
  saml: { entryPoint: string; certificates: string[]; idpInitiated: boolean } | null;
  createdAt: Date;
  updatedAt: Date;
}

/** What is written of a provider. */
export type ProviderDraft = Omit<ProviderRow, 'saml' | 'createdAt' | 'updatedAt'>;

const columns = `id, name, kind, issuer, client_id AS "clientId", client_secret AS "clientSecret", scopes, join_role AS "joinRole",
  join_domains AS "joinDomains", authoritative, enabled,
  (SELECT jsonb_build_object('entryPoint', s.entry_point, 'certificates', s.certificates, 'idpInitiated', s.idp_initiated)
     FROM saml_providers s WHERE s.tenant_id = identity_providers.tenant_id AND s.provider_id = identity_providers.id) AS saml,
  created_at AS "createdAt", updated_at AS "updatedAt"`;

/** Identity providers of tenants, in Postgres. */
@Injectable()
export class IdentityProvidersRepository {
  /** Stores a provider unless the tenant has `most` already; gives whether it did. Two at once count one after the other. */
  async insert(tx: Transaction, tenantId: string, draft: ProviderDraft, most: number): Promise<boolean> {
    await row(tx, 'SELECT 1 FROM tenants WHERE id = $1 FOR UPDATE', [tenantId]);
    const count = await changed(
      tx,
      `INSERT INTO identity_providers (tenant_id, id, name, kind, issuer, client_id, client_secret, scopes, join_role, join_domains,
         authoritative, enabled)
       SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12
        WHERE (SELECT count(*) FROM identity_providers WHERE tenant_id = $1) < $13`,
      [tenantId, ...valuesOf(draft), most],
    );
    return count > 0;
  }

  /** Writes a provider anew. Where it is does not change. */
  async update(tx: Transaction, tenantId: string, draft: ProviderDraft): Promise<void> {
    const [id, name, , , ...rest] = valuesOf(draft);
    await changed(
      tx,
      `UPDATE identity_providers SET name = $3, client_id = $4, client_secret = $5, scopes = $6, join_role = $7, join_domains = $8,
              authoritative = $9, enabled = $10, updated_at = clock_timestamp()
        WHERE tenant_id = $1 AND id = $2`,
      [tenantId, id, name, ...rest],
    );
  }

  /** Deletes a provider with its links; true when there was one. */
  async delete(tx: Transaction, tenantId: string, id: string): Promise<boolean> {
    return (await changed(tx, 'DELETE FROM identity_providers WHERE tenant_id = $1 AND id = $2', [tenantId, id])) > 0;
  }

  /** One provider, locked for the rest of the transaction where it is to be changed. */
  byId(tx: Transaction, tenantId: string, id: string, lock: 'locked' | 'free' = 'free'): Promise<ProviderRow | undefined> {
    const sql = `SELECT ${columns} FROM identity_providers WHERE tenant_id = $1 AND id = $2 ${lock === 'locked' ? 'FOR UPDATE' : ''}`;
    return row<ProviderRow>(tx, sql, [tenantId, id]);
  }

  /** The domains that the tenant has proven. */
  async provenDomains(tx: Transaction, tenantId: string): Promise<string[]> {
    const sql = 'SELECT domain FROM tenant_domains WHERE tenant_id = $1 AND verified_at IS NOT NULL';
    return (await rows<{ domain: string }>(tx, sql, [tenantId])).map(({ domain }) => domain);
  }

  /** Newest first, after the provider `after`. */
  page(tx: Transaction, tenantId: string, limit: number, after: string | undefined): Promise<ProviderRow[]> {
    return rows<ProviderRow>(
      tx,
      `SELECT ${columns} FROM identity_providers WHERE tenant_id = $1 AND ($3::uuid IS NULL OR id < $3::uuid) ORDER BY id DESC LIMIT $2`,
      [tenantId, limit, after ?? null],
    );
  }

  /** Those that may be signed in with, oldest first; none of a suspended tenant. */
  offered(tx: Transaction, tenantId: string): Promise<Pick<ProviderRow, 'id' | 'name' | 'kind'>[]> {
    return rows(
      tx,
      `SELECT p.id, p.name, p.kind FROM identity_providers p JOIN tenants t ON t.id = p.tenant_id
        WHERE p.tenant_id = $1 AND p.enabled AND t.status = 'active' ORDER BY p.id`,
      [tenantId],
    );
  }

  /** The tenant of a provider that may be signed in with. Runs as the system role. */
  async locate(tx: Transaction, id: string): Promise<string | undefined> {
    const found = await row<{ tenantId: string }>(
      tx,
      `SELECT p.tenant_id AS "tenantId" FROM identity_providers p JOIN tenants t ON t.id = p.tenant_id
        WHERE p.id = $1 AND p.enabled AND t.status = 'active'`,
      [id],
    );
    return found?.tenantId;
  }
}

function valuesOf(draft: ProviderDraft): unknown[] {
  const { id, name, kind, issuer, clientId, clientSecret, scopes, joinRole, joinDomains, authoritative, enabled } = draft;
  return [id, name, kind, issuer, clientId, clientSecret, scopes, joinRole, joinDomains, authoritative, enabled];
}
