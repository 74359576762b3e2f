import type { MigrationInterface, QueryRunner } from 'typeorm';
import { sayRare } from '../first-statistics.ts';

/** The calls of a turn and the counters of a visitor are found by their keys from the first minute on, and not by a look at all of them. */
export class CallsOfATurn1763700000009 implements MigrationInterface {
  name = 'CallsOfATurn1763700000009';

  async up(runner: QueryRunner): Promise<void> {
    await sayRare(runner, 'provider_calls', 'turn_id');
    await sayRare(runner, 'usage_counters', 'subject');
  }

  async down(): Promise<void> {
    throw new Error('migrations are forward only');
  }
}
