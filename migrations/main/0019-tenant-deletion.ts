import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A tenant that is being deleted: nobody comes in any more, and a job takes it away piece by piece. */
export class TenantDeletion1763700000019 implements MigrationInterface {
  name = 'TenantDeletion1763700000019';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      SET LOCAL lock_timeout = '2s';
      ALTER TABLE tenants DROP CONSTRAINT tenants_status_check,
        ADD CONSTRAINT tenants_status_check CHECK (status IN ('active', 'suspended', 'deleting'));
    `);
  }

  async down(): Promise<void> {
    throw new Error('migrations are forward only');
  }
}
