import type { MigrationInterface, QueryRunner } from 'typeorm';
import { sayFewTenants } from '../first-statistics.ts';
import { protectTenantTable } from '../row-level-security.ts';

/** Who has been asked to become a member of a tenant. What names them is sealed, and gone once they have come or it has expired. */
export class Invitations1763700000022 implements MigrationInterface {
  name = 'Invitations1763700000022';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      SET LOCAL lock_timeout = '2s';
      CREATE TABLE invitations (
        tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
        id uuid NOT NULL,
        role text NOT NULL CHECK (role IN ('owner', 'admin', 'developer', 'viewer')),
        token_hash bytea NOT NULL,
        content bytea NOT NULL,
        invited_by text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, id)
      );
      CREATE INDEX invitations_token ON invitations (token_hash);
    `);
    await protectTenantTable(runner, 'invitations', { system: ['tenant_id', 'id', 'token_hash', 'expires_at'] });
    await sayFewTenants(runner, ['invitations']);
  }

  async down(): Promise<void> {
    throw new Error('migrations are forward only');
  }
}
