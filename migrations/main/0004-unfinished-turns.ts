import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The index of unfinished turns begins with the conversation. Beginning with the tenant it looked, to a planner without
 * statistics, as good as the primary key for "this turn, if it runs", and then every end of a turn read the entries of all
 * the tenant's turns that had run since the last vacuum.
 */
export class UnfinishedTurns1763700000004 implements MigrationInterface {
  name = 'UnfinishedTurns1763700000004';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE UNIQUE INDEX turns_one_unfinished_by_conversation ON turns (conversation_id, tenant_id)
        WHERE state IN ('queued', 'running');
      DROP INDEX turns_one_unfinished;
      ALTER INDEX turns_one_unfinished_by_conversation RENAME TO turns_one_unfinished;
    `);
  }

  async down(): Promise<void> {
    throw new Error('migrations are forward only');
  }
}
