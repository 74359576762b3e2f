import type { MigrationInterface, QueryRunner } from 'typeorm';
import { sayFewTenants } from '../first-statistics.ts';
import { protectTenantTable } from '../row-level-security.ts';

/** Identity providers of tenants, and which of their members signs in with which account there. */
export class IdentityProviders1763700000026 implements MigrationInterface {
  name = 'IdentityProviders1763700000026';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      SET LOCAL lock_timeout = '2s';
      CREATE TABLE identity_providers (
        tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
        id uuid NOT NULL,
        name text NOT NULL,
        kind text NOT NULL CHECK (kind IN ('oidc', 'google', 'microsoft', 'github')),
        issuer text NOT NULL,
        client_id text NOT NULL,
        client_secret bytea,
        scopes text[] NOT NULL,
        join_role text CHECK (join_role IN ('admin', 'developer', 'viewer')),
        join_domains text[] NOT NULL,
        enabled boolean NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (tenant_id, id)
      );

      -- A link is to a membership, not to a user: it ends with it, and leads into no other tenant.
      CREATE TABLE linked_identities (
        tenant_id uuid NOT NULL,
        id uuid NOT NULL,
        provider_id uuid NOT NULL,
        subject_hash bytea NOT NULL,
        user_id uuid NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        last_used_at timestamptz,
        PRIMARY KEY (tenant_id, id),
        UNIQUE (tenant_id, provider_id, subject_hash),
        FOREIGN KEY (tenant_id, provider_id) REFERENCES identity_providers (tenant_id, id) ON DELETE CASCADE,
        FOREIGN KEY (tenant_id, user_id) REFERENCES memberships (tenant_id, user_id) ON DELETE CASCADE
      );
      CREATE INDEX linked_identities_user ON linked_identities (tenant_id, user_id);

      -- Which provider let somebody in; null = a password. No reference: a session outlives its provider as a revoked one.
      ALTER TABLE sessions ADD COLUMN identity_provider_id uuid;
    `);
    await protectTenantTable(runner, 'identity_providers', { system: ['tenant_id', 'id', 'enabled'] });
    await protectTenantTable(runner, 'linked_identities', {});
    await sayFewTenants(runner, ['identity_providers', 'linked_identities']);
  }

  async down(): Promise<void> {
    throw new Error('migrations are forward only');
  }
}
