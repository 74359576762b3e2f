import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The index of unfinished turns says `finished_at IS NULL`, not which states those are. By the states it fitted every look-up of
 * one turn "if it runs", and a planner that takes a young table for a small one then read both: the turn by its key, and all
 * turns that had ended since the last vacuum.
 *
 * Each statement stands alone and holds up nobody; a run that was broken off is simply repeated.
 */
export class UnfinishedTurns1763700000006 implements MigrationInterface {
  name = 'UnfinishedTurns1763700000006';
  transaction = false as const;

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('DROP INDEX CONCURRENTLY IF EXISTS turns_unfinished_anew');
    await runner.query('CREATE INDEX CONCURRENTLY turns_unfinished_anew ON turns (created_at) WHERE finished_at IS NULL');
    await runner.query('DROP INDEX CONCURRENTLY IF EXISTS turns_unfinished');
    await runner.query('ALTER INDEX turns_unfinished_anew RENAME TO turns_unfinished');
  }

  async down(): Promise<void> {
    throw new Error('migrations are forward only');
  }
}
