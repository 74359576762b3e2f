import { Injectable } from '@nestjs/common';
import { changed, row, rows, type Transaction } from '../../../../platform/database/index.ts';

/** A domain as stored. */
export interface DomainRow {
  id: string;
  domain: string;
  /** Random, and no secret: it is published. */
  challenge: string;
  verifiedAt: Date | null;
  enforced: boolean;
  /** The owner who may sign in with a password nevertheless. */
  breakGlassUserId: string | null;
  createdAt: Date;
}

/** A tenant in which people of a domain sign in by a provider only. */
export interface EnforcingTenant {
  tenantId: string;
  breakGlassUserId: string | null;
}

const columns = `id, domain, challenge, verified_at AS "verifiedAt", enforced, break_glass_user_id AS "breakGlassUserId", created_at AS "createdAt"`;

/** Domains of tenants, in Postgres. */
@Injectable()
export class DomainsRepository {
  /** Stores a domain unless the tenant has `most` or this one already; gives whether it did. */
  async insert(tx: Transaction, tenantId: string, draft: Pick<DomainRow, 'id' | 'domain' | 'challenge'>, most: number): Promise<boolean> {
    await row(tx, 'SELECT 1 FROM tenants WHERE id = $1 FOR UPDATE', [tenantId]);
    const count = await changed(
      tx,
      `INSERT INTO tenant_domains (tenant_id, id, domain, challenge) SELECT $1, $2, $3, $4
        WHERE (SELECT count(*) FROM tenant_domains WHERE tenant_id = $1) < $5 ON CONFLICT (tenant_id, domain) DO NOTHING`,
      [tenantId, draft.id, draft.domain, draft.challenge, most],
    );
    return count > 0;
  }

  /** One domain, locked for the rest of the transaction. */
  lock(tx: Transaction, tenantId: string, id: string): Promise<DomainRow | undefined> {
    return row<DomainRow>(tx, `SELECT ${columns} FROM tenant_domains WHERE tenant_id = $1 AND id = $2 FOR UPDATE`, [tenantId, id]);
  }

  /** Newest first, after the domain `after`. */
  page(tx: Transaction, tenantId: string, limit: number, after: string | undefined): Promise<DomainRow[]> {
    return rows<DomainRow>(
      tx,
      `SELECT ${columns} FROM tenant_domains WHERE tenant_id = $1 AND ($3::uuid IS NULL OR id < $3::uuid) ORDER BY id DESC LIMIT $2`,
      [tenantId, limit, after ?? null],
    );
  }

  /** Writes that a domain is proven; true when it was not before. */
  async verify(tx: Transaction, tenantId: string, id: string): Promise<boolean> {
    const sql = 'UPDATE tenant_domains SET verified_at = now() WHERE tenant_id = $1 AND id = $2 AND verified_at IS NULL';
    return (await changed(tx, sql, [tenantId, id])) > 0;
  }

  async enforce(tx: Transaction, tenantId: string, id: string, enforced: boolean, breakGlassUserId: string | null): Promise<void> {
    const sql = 'UPDATE tenant_domains SET enforced = $3, break_glass_user_id = $4 WHERE tenant_id = $1 AND id = $2';
    await changed(tx, sql, [tenantId, id, enforced, breakGlassUserId]);
  }

  /** Deletes a domain; true when there was one. */
  async delete(tx: Transaction, tenantId: string, id: string): Promise<boolean> {
    return (await changed(tx, 'DELETE FROM tenant_domains WHERE tenant_id = $1 AND id = $2', [tenantId, id])) > 0;
  }

  /** Active tenants that have proven a domain and have somebody to sign in with, at most five, oldest proof first. Runs as the system role. */
  async provenBy(tx: Transaction, domain: string): Promise<string[]> {
    const found = await rows<{ tenantId: string }>(
      tx,
      `SELECT d.tenant_id AS "tenantId" FROM tenant_domains d JOIN tenants t ON t.id = d.tenant_id
        WHERE d.domain = $1 AND d.verified_at IS NOT NULL AND t.status = 'active'
          AND EXISTS (SELECT 1 FROM identity_providers p WHERE p.tenant_id = d.tenant_id AND p.enabled)
        ORDER BY d.verified_at, d.id LIMIT 5`,
      [domain],
    );
    return found.map(({ tenantId }) => tenantId);
  }

  /** Tenants in which people of a domain do not sign in with a password; `tenantId` alone when given. Runs as the system role. */
  enforcing(tx: Transaction, domain: string, tenantId: string | undefined): Promise<EnforcingTenant[]> {
    return rows<EnforcingTenant>(
      tx,
      `SELECT tenant_id AS "tenantId", break_glass_user_id AS "breakGlassUserId" FROM tenant_domains
        WHERE domain = $1 AND verified_at IS NOT NULL AND enforced AND ($2::uuid IS NULL OR tenant_id = $2)`,
      [domain, tenantId ?? null],
    );
  }
}
