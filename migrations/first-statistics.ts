import type { QueryRunner } from 'typeorm';

/**
 * Says that a table without statistics holds few tenants (Postgres 18 and later; older ones wait for their first ANALYZE).
 * Without that the planner takes "of this tenant" to be as rare as "this row", may read all rows of a tenant to find one, and
 * connections keep such a plan until autovacuum has analysed the table. The first ANALYZE replaces what is said here; a
 * table that has been analysed is left alone.
 */
export async function sayFewTenants(runner: QueryRunner, tables: string[]): Promise<void> {
  for (const table of tables) await sayDistinct(runner, table, 'tenant_id', 1);
}

/**
 * Says that hardly two rows of a table without statistics have the same `column`, with the same reach as above. Without that the
 * planner takes a twohundredth of the table for one of its values, and reads the whole of a small table instead of the index.
 */
export async function sayRare(runner: QueryRunner, table: string, column: string): Promise<void> {
  await sayDistinct(runner, table, column, -1);
}

/** `distinct` as in `pg_stats.n_distinct`: a number of values, or less than 0 for minus their share of the rows. */
async function sayDistinct(runner: QueryRunner, table: string, column: string, distinct: number): Promise<void> {
  const [server] = (await runner.query(`SELECT current_setting('server_version_num')::int AS version`)) as { version: number }[];
  if (server === undefined || server.version < 180_000) return;
  await runner.query(
    `SELECT pg_restore_attribute_stats('schemaname', n.nspname::text, 'relname', c.relname::text, 'attname', $3::text,
       'inherited', false, 'version', $2::int, 'null_frac', 0::real, 'avg_width', 16, 'n_distinct', $4::real)
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.oid = $1::regclass AND c.reltuples < 0`,
    [table, server.version, column, distinct],
  );
}
