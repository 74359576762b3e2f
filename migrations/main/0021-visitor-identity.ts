import type { MigrationInterface, QueryRunner } from 'typeorm';
import { sayFewTenants } from '../first-statistics.ts';
import { protectTenantTable } from '../row-level-security.ts';

/** Keys with which a tenant signs who its visitors are, and visitors who are not let in any more. */
export class VisitorIdentity1763700000021 implements MigrationInterface {
  name = 'VisitorIdentity1763700000021';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      SET LOCAL lock_timeout = '2s';
      CREATE TABLE identity_keys (
        tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
        id uuid NOT NULL,
        name text NOT NULL,
        algorithm text NOT NULL CHECK (algorithm IN ('HS256', 'ES256')),
        material bytea NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        revoked_at timestamptz,
        PRIMARY KEY (tenant_id, id)
      );

      -- A table of its own: visitors are many, banned ones few.
      CREATE TABLE visitor_bans (
        tenant_id uuid NOT NULL,
        visitor_id uuid NOT NULL,
        reason_code text NOT NULL,
        banned_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (tenant_id, visitor_id),
        FOREIGN KEY (tenant_id, visitor_id) REFERENCES visitors (tenant_id, id) ON DELETE CASCADE
      );
      -- Each replica looks for the newest every few seconds.
      CREATE INDEX visitor_bans_newest ON visitor_bans (banned_at);
    `);
    await protectTenantTable(runner, 'identity_keys', { system: ['tenant_id', 'id', 'revoked_at'] });
    await protectTenantTable(runner, 'visitor_bans', { system: ['tenant_id', 'visitor_id', 'banned_at'] });
    await sayFewTenants(runner, ['identity_keys', 'visitor_bans']);
  }

  async down(): Promise<void> {
    throw new Error('migrations are forward only');
  }
}
