import type { MigrationInterface, QueryRunner } from 'typeorm';
import { sayFewTenants } from '../first-statistics.ts';
import { protectTenantTable } from '../row-level-security.ts';

/**
 * Exports of what is stored of a person or a tenant, and their archives in parts, since replicas share no disk. A part belongs to one
 * attempt: what an attempt that was overtaken has left is never mixed with what is served.
 */
export class PersonalExports1763700000018 implements MigrationInterface {
  name = 'PersonalExports1763700000018';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      SET LOCAL lock_timeout = '2s';
      CREATE TABLE personal_exports (
        tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
        id uuid NOT NULL,
        kind text NOT NULL CHECK (kind IN ('tenant', 'visitor', 'user')),
        -- The visitor; of a member, who they are as one.
        visitor_id uuid,
        user_id uuid,
        state text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'done', 'failed', 'expired')),
        attempt integer NOT NULL DEFAULT 0,
        records bigint NOT NULL DEFAULT 0,
        bytes bigint NOT NULL DEFAULT 0,
        error_code text,
        password bytea,
        link_token bytea,
        link_hash bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now(),
        finished_at timestamptz,
        expires_at timestamptz,
        PRIMARY KEY (tenant_id, id),
        CHECK (CASE kind WHEN 'visitor' THEN visitor_id IS NOT NULL AND user_id IS NULL WHEN 'user' THEN user_id IS NOT NULL
          ELSE visitor_id IS NULL AND user_id IS NULL END),
        FOREIGN KEY (tenant_id, visitor_id) REFERENCES visitors (tenant_id, id) ON DELETE CASCADE,
        FOREIGN KEY (tenant_id, user_id) REFERENCES memberships (tenant_id, user_id) ON DELETE CASCADE
      );
      CREATE INDEX personal_exports_visitor ON personal_exports (tenant_id, visitor_id) WHERE visitor_id IS NOT NULL;
      CREATE INDEX personal_exports_user ON personal_exports (tenant_id, user_id) WHERE user_id IS NOT NULL;
      -- A link says the export, not the tenant.
      CREATE INDEX personal_exports_link ON personal_exports (id);

      CREATE TABLE personal_export_parts (
        tenant_id uuid NOT NULL,
        id uuid NOT NULL,
        export_id uuid NOT NULL,
        attempt integer NOT NULL,
        position integer NOT NULL,
        content bytea NOT NULL,
        PRIMARY KEY (tenant_id, id),
        UNIQUE (tenant_id, export_id, attempt, position),
        FOREIGN KEY (tenant_id, export_id) REFERENCES personal_exports (tenant_id, id) ON DELETE CASCADE
      );
      -- Ciphertext does not get smaller.
      ALTER TABLE personal_export_parts ALTER COLUMN content SET STORAGE EXTERNAL;
    `);
    await protectTenantTable(runner, 'personal_exports', {
      system: ['tenant_id', 'id', 'state', 'link_hash', 'updated_at', 'expires_at'],
    });
    await protectTenantTable(runner, 'personal_export_parts', {});
    await sayFewTenants(runner, ['personal_exports', 'personal_export_parts']);
  }

  async down(): Promise<void> {
    throw new Error('migrations are forward only');
  }
}
