import type { MigrationInterface, QueryRunner } from 'typeorm';
import { sayFewTenants } from '../first-statistics.ts';
import { protectTenantTable } from '../row-level-security.ts';

/** People and groups that a tenant's directory keeps here by SCIM. What names people and groups is sealed. */
export class Scim1763700000035 implements MigrationInterface {
  name = 'Scim1763700000035';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      SET LOCAL lock_timeout = '2s';
      -- user_id has no reference: somebody who is switched off has no membership, and gets it again with the same id.
      CREATE TABLE scim_users (
        tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
        id uuid NOT NULL,
        user_id uuid NOT NULL,
        user_name_hash bytea NOT NULL,
        email_hash bytea NOT NULL,
        external_id_hash bytea,
        content bytea NOT NULL,
        active boolean NOT NULL,
        made boolean NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (tenant_id, id),
        UNIQUE (tenant_id, user_id),
        UNIQUE (tenant_id, user_name_hash)
      );
      CREATE INDEX scim_users_email ON scim_users (tenant_id, email_hash);

      CREATE TABLE scim_groups (
        tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
        id uuid NOT NULL,
        display_name_hash bytea NOT NULL,
        content bytea NOT NULL,
        role text CHECK (role IN ('admin', 'developer', 'viewer')),
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (tenant_id, id),
        UNIQUE (tenant_id, display_name_hash)
      );

      CREATE TABLE scim_group_members (
        tenant_id uuid NOT NULL,
        group_id uuid NOT NULL,
        scim_user_id uuid NOT NULL,
        PRIMARY KEY (tenant_id, group_id, scim_user_id),
        FOREIGN KEY (tenant_id, group_id) REFERENCES scim_groups (tenant_id, id) ON DELETE CASCADE,
        FOREIGN KEY (tenant_id, scim_user_id) REFERENCES scim_users (tenant_id, id) ON DELETE CASCADE
      );
      CREATE INDEX scim_group_members_user ON scim_group_members (tenant_id, scim_user_id);
    `);
    await protectTenantTable(runner, 'scim_users', { system: ['tenant_id', 'id', 'user_id', 'active', 'made'] });
    await protectTenantTable(runner, 'scim_groups', {});
    await protectTenantTable(runner, 'scim_group_members', {});
    await sayFewTenants(runner, ['scim_users', 'scim_groups', 'scim_group_members']);
  }

  async down(): Promise<void> {
    throw new Error('migrations are forward only');
  }
}
