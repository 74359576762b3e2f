import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Where a session was opened from (sealed), when it was used last, and how and when its user proved themself. */
export class SessionClients1763700000023 implements MigrationInterface {
  name = 'SessionClients1763700000023';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      SET LOCAL lock_timeout = '2s';
      ALTER TABLE sessions
        ADD COLUMN client bytea,
        ADD COLUMN device_hash bytea,
        ADD COLUMN last_seen_at timestamptz,
        ADD COLUMN amr text[] NOT NULL DEFAULT '{pwd}',
        ADD COLUMN proven_at timestamptz NOT NULL DEFAULT now();
      CREATE INDEX sessions_user ON sessions (tenant_id, user_id);
    `);
  }

  async down(): Promise<void> {
    throw new Error('migrations are forward only');
  }
}
