import type { MigrationInterface, QueryRunner } from 'typeorm';
import { protectTenantTable } from '../row-level-security.ts';

/** What stands for what in texts that tenants have had anonymized, for a day. */
export class PrivacyMappings1763700000015 implements MigrationInterface {
  name = 'PrivacyMappings1763700000015';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE privacy_mappings (
        tenant_id uuid NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
        id uuid NOT NULL,
        content bytea NOT NULL,
        expires_at timestamptz NOT NULL,
        PRIMARY KEY (tenant_id, id)
      );
      CREATE INDEX privacy_mappings_expiry ON privacy_mappings (expires_at);
    `);
    await protectTenantTable(runner, 'privacy_mappings', { system: ['tenant_id', 'id', 'expires_at'] });
  }

  async down(): Promise<void> {
    throw new Error('migrations are forward only');
  }
}
