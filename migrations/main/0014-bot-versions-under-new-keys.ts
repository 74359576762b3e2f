import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What is published does not change, but the key that it is encrypted under may. The column alone is granted: number, bot and time of a
 * version stay out of reach.
 */
export class BotVersionsUnderNewKeys1763700000014 implements MigrationInterface {
  name = 'BotVersionsUnderNewKeys1763700000014';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('GRANT UPDATE (settings) ON bot_versions TO parley_tenant');
  }

  async down(): Promise<void> {
    throw new Error('migrations are forward only');
  }
}
