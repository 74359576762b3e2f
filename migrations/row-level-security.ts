import type { QueryRunner } from 'typeorm';

/** Who may do what with a tenant table, besides the policy that holds everybody inside their tenant. */
export interface TableAccess {
  /** Statements of the tenant role; all four when absent. */
  tenant?: ('SELECT' | 'INSERT' | 'UPDATE' | 'DELETE')[];
  /** Columns that the system role may read across tenants: ids, hashes, states and times, never content. None when absent. */
  system?: string[];
  /** Columns that the system role may write. */
  systemUpdate?: string[];
}

/**
 * Row-level security for one tenant table, forced on its owner too. The policy casts the setting, so that a missing
 * tenant (never set) and an empty one (what a finished transaction leaves behind) both raise an error.
 */
export async function protectTenantTable(runner: QueryRunner, table: string, access: TableAccess): Promise<void> {
  const statements = access.tenant ?? ['SELECT', 'INSERT', 'UPDATE', 'DELETE'];
  await runner.query(`
    ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY;
    ALTER TABLE ${table} FORCE ROW LEVEL SECURITY;
    CREATE POLICY tenant_isolation ON ${table} TO parley_tenant
      USING (tenant_id = current_setting('app.tenant')::uuid)
      WITH CHECK (tenant_id = current_setting('app.tenant')::uuid);
    GRANT ${statements.join(', ')} ON ${table} TO parley_tenant;
  `);
  if (access.system !== undefined) {
    await runner.query(`
      CREATE POLICY system_read ON ${table} FOR SELECT TO parley_system USING (true);
      GRANT SELECT (${access.system.join(', ')}) ON ${table} TO parley_system;
    `);
  }
  if (access.systemUpdate !== undefined) {
    await runner.query(`
      CREATE POLICY system_update ON ${table} FOR UPDATE TO parley_system USING (true) WITH CHECK (true);
      GRANT UPDATE (${access.systemUpdate.join(', ')}) ON ${table} TO parley_system;
    `);
  }
}
