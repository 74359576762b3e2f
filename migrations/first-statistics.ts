import type { QueryRunner } from 'typeorm';

/**
 * Says that a table without statistics holds few tenants (Postgres 18 and later; older ones wait for their first ANALYZE).
 * Without that the planner takes "of this tenant" to be as rare as "this row", may read all rows of a tenant to find one, and
 * connections keep such a plan until autovacuum has analysed the table. The first ANALYZE replaces what is said here; a
 * table that has been analysed is left alone.
 */
export async function sayFewTenants(runner: QueryRunner, tables: string[]): Promise<void> {
  const [server] = (await runner.query(`SELECT current_setting('server_version_num')::int AS version`)) as { version: number }[];
  if (server === undefined || server.version < 180_000) return;
  for (const table of tables) {
    await runner.query(
      `SELECT pg_restore_attribute_stats('schemaname', n.nspname::text, 'relname', c.relname::text, 'attname', 'tenant_id',
         'inherited', false, 'version', $2::int, 'null_frac', 0::real, 'avg_width', 16, 'n_distinct', 1::real)
       FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE c.oid = $1::regclass AND c.reltuples < 0`,
      [table, server.version],
    );
  }
}
