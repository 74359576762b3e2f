import type { MigrationInterface, QueryRunner } from 'typeorm';

/** When a user chose their password last, and when they have shown that their mailbox is theirs. Sessions from before a change of the password are over. */
export class Recovery1763700000032 implements MigrationInterface {
  name = 'Recovery1763700000032';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      SET LOCAL lock_timeout = '2s';
      ALTER TABLE users ADD COLUMN password_changed_at timestamptz, ADD COLUMN email_verified_at timestamptz;
      GRANT SELECT (created_at) ON sessions TO parley_system;
    `);
  }

  async down(): Promise<void> {
    throw new Error('migrations are forward only');
  }
}
