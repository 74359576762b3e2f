import type { MigrationInterface, QueryRunner } from 'typeorm';
import { sayFewTenants } from '../first-statistics.ts';

/** Plans of the first minutes look keys up by their own ids. */
export class KeyStatistics1763700000002 implements MigrationInterface {
  name = 'KeyStatistics1763700000002';

  async up(runner: QueryRunner): Promise<void> {
    await sayFewTenants(runner, ['wrapped_keys']);
  }

  async down(): Promise<void> {
    throw new Error('migrations are forward only');
  }
}
