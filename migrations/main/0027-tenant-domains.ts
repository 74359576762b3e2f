import type { MigrationInterface, QueryRunner } from 'typeorm';
import { sayFewTenants } from '../first-statistics.ts';
import { protectTenantTable } from '../row-level-security.ts';

/** Domains that tenants say, and prove, are theirs. Each proves it for itself: one domain may be that of several tenants. */
export class TenantDomains1763700000027 implements MigrationInterface {
  name = 'TenantDomains1763700000027';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      SET LOCAL lock_timeout = '2s';
      CREATE TABLE tenant_domains (
        tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
        id uuid NOT NULL,
        domain text NOT NULL,
        challenge text NOT NULL,
        verified_at timestamptz,
        enforced boolean NOT NULL DEFAULT false CHECK (NOT enforced OR verified_at IS NOT NULL),
        break_glass_user_id uuid,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (tenant_id, id),
        UNIQUE (tenant_id, domain),
        FOREIGN KEY (tenant_id, break_glass_user_id) REFERENCES memberships (tenant_id, user_id) ON DELETE SET NULL (break_glass_user_id)
      );
      CREATE INDEX tenant_domains_verified ON tenant_domains (domain) WHERE verified_at IS NOT NULL;

      ALTER TABLE identity_providers ADD COLUMN authoritative boolean NOT NULL DEFAULT false;
    `);
    await protectTenantTable(runner, 'tenant_domains', {
      system: ['tenant_id', 'id', 'domain', 'verified_at', 'enforced', 'break_glass_user_id'],
    });
    await sayFewTenants(runner, ['tenant_domains']);
  }

  async down(): Promise<void> {
    throw new Error('migrations are forward only');
  }
}
