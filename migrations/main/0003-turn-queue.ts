import type { MigrationInterface, QueryRunner } from 'typeorm';
import { protectTenantTable } from '../row-level-security.ts';

/** The order in which waiting turns are taken up, what is tried again, what is given up, and what replicas can carry. */
export class TurnQueue1763700000003 implements MigrationInterface {
  name = 'TurnQueue1763700000003';

  async up(runner: QueryRunner): Promise<void> {
    // Chat must not queue up behind a lock that is not to be had: rather fail, and be tried again.
    await runner.query(`SET LOCAL lock_timeout = '2s'`);
    await runner.query(`
      CREATE TABLE turn_queues (
        tenant_id uuid PRIMARY KEY REFERENCES tenants (id) ON DELETE CASCADE,
        tier smallint NOT NULL DEFAULT 0 CHECK (tier BETWEEN 0 AND 100),
        weight double precision NOT NULL DEFAULT 1 CHECK (weight BETWEEN 0.01 AND 100),
        finish double precision NOT NULL DEFAULT 0
      );

      CREATE TABLE turn_queue_clocks (
        tier smallint PRIMARY KEY,
        at double precision NOT NULL
      );
      GRANT SELECT ON turn_queue_clocks TO parley_tenant;
      GRANT SELECT, INSERT, UPDATE ON turn_queue_clocks TO parley_system;

      ALTER TABLE turns
        ADD COLUMN route text NOT NULL DEFAULT '',
        ADD COLUMN tier smallint NOT NULL DEFAULT 0,
        ADD COLUMN virtual_start double precision NOT NULL DEFAULT 0,
        ADD COLUMN queued_at timestamptz,
        ADD COLUMN runs integer NOT NULL DEFAULT 0,
        ADD COLUMN retries integer NOT NULL DEFAULT 0,
        ADD COLUMN retry_at timestamptz,
        ADD COLUMN given_up_at timestamptz,
        ADD COLUMN replaced_at timestamptz;
      GRANT SELECT (route, tier, virtual_start, queued_at, finished_at, runs, retries, retry_at, given_up_at, error_code)
        ON turns TO parley_system;

      ALTER TABLE outbox
        ADD COLUMN given_up_at timestamptz,
        ADD COLUMN last_error text;
      GRANT SELECT (given_up_at, last_error) ON outbox TO parley_system;
      GRANT UPDATE (given_up_at) ON outbox TO parley_system;

      ALTER TABLE replicas
        ADD COLUMN slots integer NOT NULL DEFAULT 0,
        ADD COLUMN running integer NOT NULL DEFAULT 0,
        ADD COLUMN service_seconds double precision;
    `);
    await protectTenantTable(runner, 'turn_queues', { tenant: ['SELECT', 'INSERT', 'UPDATE'], system: ['tenant_id', 'tier', 'weight'] });
  }

  async down(): Promise<void> {
    throw new Error('migrations are forward only');
  }
}
