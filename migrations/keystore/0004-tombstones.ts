import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Who has been erased: no key is ever made for them again, and a restored copy of the data forgets them again. It stands with the keys
 * since that is the database which is never restored together with the data. Ids only.
 */
export class Tombstones1763700000004 implements MigrationInterface {
  name = 'Tombstones1763700000004';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      SET LOCAL lock_timeout = '2s';
      CREATE TABLE tombstones (
        tenant_id uuid NOT NULL,
        kind text NOT NULL CHECK (kind IN ('visitor', 'user', 'tenant')),
        subject_id uuid NOT NULL,
        erased_at timestamptz NOT NULL DEFAULT now(),
        -- Of a tenant, which has no row any more that could hold it.
        receipt text,
        PRIMARY KEY (tenant_id, subject_id)
      );
      GRANT SELECT, INSERT, UPDATE ON tombstones TO parley_keys;
      ALTER TABLE key_changes ADD COLUMN erased boolean NOT NULL DEFAULT false;
    `);
  }

  async down(): Promise<void> {
    throw new Error('migrations are forward only');
  }
}
