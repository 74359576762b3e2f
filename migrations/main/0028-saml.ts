import type { MigrationInterface, QueryRunner } from 'typeorm';
import { sayFewTenants } from '../first-statistics.ts';
import { protectTenantTable } from '../row-level-security.ts';

/** Identity providers that speak SAML, and the assertions of theirs that have been used. */
export class Saml1763700000028 implements MigrationInterface {
  name = 'Saml1763700000028';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      SET LOCAL lock_timeout = '2s';
      ALTER TABLE identity_providers DROP CONSTRAINT identity_providers_kind_check;
      ALTER TABLE identity_providers ADD CONSTRAINT identity_providers_kind_check
        CHECK (kind IN ('oidc', 'google', 'microsoft', 'github', 'saml'));

      CREATE TABLE saml_providers (
        tenant_id uuid NOT NULL,
        provider_id uuid NOT NULL,
        entry_point text NOT NULL,
        certificates text[] NOT NULL,
        own_certificate text NOT NULL,
        idp_initiated boolean NOT NULL,
        PRIMARY KEY (tenant_id, provider_id),
        FOREIGN KEY (tenant_id, provider_id) REFERENCES identity_providers (tenant_id, id) ON DELETE CASCADE
      );

      -- In Postgres, so that no flush of Redis lets an assertion count twice.
      CREATE TABLE used_assertions (
        tenant_id uuid NOT NULL,
        id uuid NOT NULL,
        provider_id uuid NOT NULL,
        assertion_hash bytea NOT NULL,
        expires_at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, id),
        UNIQUE (tenant_id, provider_id, assertion_hash),
        FOREIGN KEY (tenant_id, provider_id) REFERENCES identity_providers (tenant_id, id) ON DELETE CASCADE
      );
      CREATE INDEX used_assertions_expiry ON used_assertions (expires_at);
    `);
    await protectTenantTable(runner, 'saml_providers', {});
    await protectTenantTable(runner, 'used_assertions', { system: ['tenant_id', 'id', 'expires_at'] });
    await sayFewTenants(runner, ['saml_providers', 'used_assertions']);
  }

  async down(): Promise<void> {
    throw new Error('migrations are forward only');
  }
}
