import type pg from 'pg';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { type ScratchDatabase, scratchDatabase } from '../../../../test/support/scratch.ts';
import { templates } from '../../../../test/support/services.ts';

let scratch: ScratchDatabase;
let owner: pg.Client;

beforeAll(async () => {
  scratch = await scratchDatabase(inject('postgresUrl'), templates.main);
  owner = await scratch.connect();
});
afterAll(() => scratch.drop());

async function planFor(table: string, condition: string): Promise<string> {
  const { rows } = await owner.query<{ 'QUERY PLAN': string }>(
    `EXPLAIN (GENERIC_PLAN, COSTS OFF) SELECT 1 FROM ${table} WHERE ${condition}`,
  );
  return rows.map((row) => row['QUERY PLAN']).join('\n');
}

/** The index by which a kept plan finds one row of a table that has never been analysed. */
async function indexFor(table: string, condition: string): Promise<string | undefined> {
  return /Index (?:Only )?Scan using (\w+)|Bitmap Index Scan on (\w+)/
    .exec(await planFor(table, condition))
    ?.slice(1)
    .find((name) => name !== undefined);
}

const byId = 'tenant_id = $1::uuid AND id = $2::uuid';

it.each(['bots', 'conversations', 'messages', 'turns', 'visitors'])('a row of a fresh table %s is found by its own key', async (table) => {
  expect(await indexFor(table, byId)).toBe(`${table}_pkey`);
});

it('the unfinished turn of a fresh table is found by its conversation', async () => {
  expect(await indexFor('turns', `tenant_id = $1::uuid AND conversation_id = $2::uuid AND state IN ('queued', 'running')`)).toBe(
    'turns_one_unfinished',
  );
  expect(await indexFor('turns', `${byId} AND state = 'running'`)).toBe('turns_pkey');
});

it('the calls of a turn are found by it in a fresh ledger, and not by a look at each', async () => {
  expect(await planFor('provider_calls', `tenant_id = $1::uuid AND turn_id = $2::uuid AND state = 'reserved'`)).toContain(
    'provider_calls_of_turn',
  );
});

it('the same look-up would read all turns of a tenant, had nobody said how few tenants there are', async () => {
  await owner.query(`DELETE FROM pg_statistic WHERE starelid = 'turns'::regclass`);
  await owner.query('ANALYZE bots');
  expect(await indexFor('turns', byId)).not.toBe('turns_pkey');
});

it('the index of all unfinished turns serves those who look for all, and no look-up of one turn that runs', async () => {
  await owner.query('SET enable_seqscan = off');
  // It would be read beside the turn's own key, with every turn that ended since the last vacuum, where a table is taken for a small one.
  expect(await planFor('turns', `state = 'running'`)).not.toContain('turns_unfinished');
  expect(await planFor('turns', `state IN ('waiting', 'queued', 'running')`)).not.toContain('turns_unfinished');
  expect(await planFor('turns', `finished_at IS NULL AND state = 'running' ORDER BY created_at`)).toContain('turns_unfinished');
  await owner.query('RESET enable_seqscan');
});
