import type { MigrationInterface, QueryRunner } from 'typeorm';
import { sayFewTenants } from '../first-statistics.ts';
import { protectTenantTable } from '../row-level-security.ts';

/** What members prove themselves with besides a password, per tenant; and what a tenant demands of its members. */
export class SecondFactors1763700000024 implements MigrationInterface {
  name = 'SecondFactors1763700000024';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      SET LOCAL lock_timeout = '2s';
      CREATE TABLE second_factors (
        tenant_id uuid NOT NULL,
        id uuid NOT NULL,
        user_id uuid NOT NULL,
        kind text NOT NULL CHECK (kind IN ('totp', 'passkey')),
        name bytea NOT NULL,
        material bytea NOT NULL,
        -- Of a passkey's id.
        credential_hash bytea,
        -- Of time-based codes: the last time step of which one counted.
        last_step bigint,
        -- Of a passkey: how often its device says that it has signed.
        sign_count bigint,
        confirmed_at timestamptz,
        last_used_at timestamptz,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (tenant_id, id),
        FOREIGN KEY (tenant_id, user_id) REFERENCES memberships (tenant_id, user_id) ON DELETE CASCADE
      );
      CREATE INDEX second_factors_user ON second_factors (tenant_id, user_id);
      CREATE UNIQUE INDEX second_factors_credential ON second_factors (tenant_id, credential_hash) WHERE credential_hash IS NOT NULL;
      CREATE INDEX second_factors_lookup ON second_factors (credential_hash) WHERE credential_hash IS NOT NULL;

      CREATE TABLE recovery_codes (
        tenant_id uuid NOT NULL,
        id uuid NOT NULL,
        user_id uuid NOT NULL,
        code_hash bytea NOT NULL,
        used_at timestamptz,
        PRIMARY KEY (tenant_id, id),
        FOREIGN KEY (tenant_id, user_id) REFERENCES memberships (tenant_id, user_id) ON DELETE CASCADE
      );
      CREATE INDEX recovery_codes_user ON recovery_codes (tenant_id, user_id);

      CREATE TABLE security_policies (
        tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
        second_factor text NOT NULL CHECK (second_factor IN ('optional', 'required')),
        updated_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (tenant_id)
      );
      GRANT SELECT (amr, proven_at) ON sessions TO parley_system;
    `);
    await protectTenantTable(runner, 'second_factors', {
      system: ['tenant_id', 'id', 'user_id', 'kind', 'credential_hash', 'confirmed_at', 'created_at'],
    });
    await protectTenantTable(runner, 'recovery_codes', {});
    await protectTenantTable(runner, 'security_policies', { system: ['tenant_id', 'second_factor'] });
    await sayFewTenants(runner, ['second_factors', 'recovery_codes', 'security_policies']);
  }

  async down(): Promise<void> {
    throw new Error('migrations are forward only');
  }
}
