import type { MigrationInterface, QueryRunner } from 'typeorm';
import { protectTenantTable } from '../row-level-security.ts';

/** The order in which waiting turns are taken up, what is tried again, what is given up, and what replicas can carry. */
export class TurnQueue1763700000003 implements MigrationInterface {
  name = 'TurnQueue1763700000003';

  async up(runner: QueryRunner): Promise<void> {
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
      CREATE INDEX turns_queued ON turns (tier DESC, virtual_start, created_at) WHERE state = 'queued';
      CREATE INDEX turns_queued_of_tenant ON turns (tenant_id) WHERE state = 'queued';
      CREATE INDEX turns_given_up ON turns (given_up_at) WHERE given_up_at IS NOT NULL;
      GRANT SELECT (route, tier, virtual_start, queued_at, finished_at, runs, retries, retry_at, given_up_at, error_code)
        ON turns TO parley_system;

      ALTER TABLE outbox
        ADD COLUMN given_up_at timestamptz,
        ADD COLUMN last_error text;
      DROP INDEX outbox_waiting;
      DROP INDEX outbox_dispatched;
      CREATE INDEX outbox_waiting ON outbox (created_at) WHERE dispatched_at IS NULL AND given_up_at IS NULL;
      CREATE INDEX outbox_dispatched ON outbox (dispatched_at) WHERE dispatched_at IS NOT NULL AND given_up_at IS NULL;
      CREATE INDEX outbox_given_up ON outbox (given_up_at) WHERE given_up_at IS NOT NULL;
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
