import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Indexes that are made beside running replicas: the name, and what it is on. */
const made: [name: string, on: string][] = [
  ['turns_queued', `turns (tier DESC, virtual_start, created_at) WHERE state = 'queued'`],
  ['turns_queued_of_tenant', `turns (tenant_id) WHERE state = 'queued'`],
  ['turns_given_up', 'turns (given_up_at) WHERE given_up_at IS NOT NULL'],
  ['outbox_to_hand_on', 'outbox (created_at) WHERE dispatched_at IS NULL AND given_up_at IS NULL'],
  ['outbox_handed_on', 'outbox (dispatched_at) WHERE dispatched_at IS NOT NULL AND given_up_at IS NULL'],
  ['outbox_given_up', 'outbox (given_up_at) WHERE given_up_at IS NOT NULL'],
];

/**
 * Indexes of the queue. The one of unfinished turns is made anew and begins with the conversation: beginning with the tenant it
 * looked, to a planner without statistics, as good as the primary key for "this turn, if it runs", and then every end of a turn
 * read the entries of all the tenant's turns that had run since the last vacuum.
 *
 * Each statement stands alone and holds up nobody; a run that was broken off is simply repeated.
 */
export class TurnIndexes1763700000004 implements MigrationInterface {
  name = 'TurnIndexes1763700000004';
  transaction = false as const;

  async up(runner: QueryRunner): Promise<void> {
    for (const [name, on] of made) {
      await runner.query(`DROP INDEX CONCURRENTLY IF EXISTS ${name}`);
      await runner.query(`CREATE INDEX CONCURRENTLY ${name} ON ${on}`);
    }
    for (const old of ['outbox_waiting', 'outbox_dispatched']) await runner.query(`DROP INDEX CONCURRENTLY IF EXISTS ${old}`);
    await runner.query('DROP INDEX CONCURRENTLY IF EXISTS turns_one_unfinished_anew');
    await runner.query(
      `CREATE UNIQUE INDEX CONCURRENTLY turns_one_unfinished_anew ON turns (conversation_id, tenant_id) WHERE state IN ('queued', 'running')`,
    );
    await runner.query('DROP INDEX CONCURRENTLY IF EXISTS turns_one_unfinished');
    await runner.query('ALTER INDEX turns_one_unfinished_anew RENAME TO turns_one_unfinished');
  }

  async down(): Promise<void> {
    throw new Error('migrations are forward only');
  }
}
