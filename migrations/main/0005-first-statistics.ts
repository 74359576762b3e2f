import type { MigrationInterface, QueryRunner } from 'typeorm';
import { sayFewTenants } from '../first-statistics.ts';

/** Plans of the first minutes look rows up by their own keys. */
export class FirstStatistics1763700000005 implements MigrationInterface {
  name = 'FirstStatistics1763700000005';

  async up(runner: QueryRunner): Promise<void> {
    await sayFewTenants(runner, ['bots', 'bot_versions', 'conversations', 'messages', 'turns', 'visitors']);
  }

  async down(): Promise<void> {
    throw new Error('migrations are forward only');
  }
}
