import type { Client } from 'pg';

/** What the catalogue of one database is held against. */
export interface CatalogueRules {
  /** Tables without a tenant, named one by one. */
  global: string[];
  /** Group role whose statements the tenant policy holds. */
  tenantRole: string;
  /** Group role with policies and column grants of its own. */
  systemRole?: string;
}

const tenantCondition = "(tenant_id = (current_setting('app.tenant'::text))::uuid)";

/** Everything that can hold rows, outside Postgres's own schemas. */
const relations = `pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'`;

interface Relation {
  oid: number;
  name: string;
  kind: string;
  enabled: boolean;
  forced: boolean;
  tenantColumn: string | null;
}

interface Policy {
  name: string;
  permissive: string;
  command: string;
  roles: string[];
  using: string | null;
  check: string | null;
}

/** Tables, views and the like that somebody could use to get past their tenant, one sentence each. */
export async function unprotectedTables(client: Client, rules: CatalogueRules): Promise<string[]> {
  const { rows } = await client.query<Relation>(
    `SELECT c.oid::int, c.relname AS name, c.relkind::text AS kind, c.relrowsecurity AS enabled, c.relforcerowsecurity AS forced,
       (SELECT format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN '' ELSE ' nullable' END FROM pg_attribute a
        WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped) AS "tenantColumn"
     FROM ${relations} WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') ORDER BY c.relname`,
  );
  const problems: string[] = [];
  for (const relation of rows) {
    if (relation.kind === 'v' || relation.kind === 'm' || relation.kind === 'f') {
      problems.push(`${relation.name} is no table: row-level security does not hold it`);
    } else if (!rules.global.includes(relation.name)) problems.push(...(await tableProblems(client, relation, rules)));
  }
  return problems;
}

async function tableProblems(client: Client, table: Relation, rules: CatalogueRules): Promise<string[]> {
  const problems: string[] = [];
  if (table.tenantColumn !== 'uuid') problems.push(`${table.name} has no tenant_id uuid NOT NULL`);
  if (!table.enabled) problems.push(`${table.name} has no row-level security`);
  if (!table.forced) problems.push(`${table.name} does not force row-level security on its owner`);
  const { rows: policies } = await client.query<Policy>(
    `SELECT policyname AS name, permissive, cmd AS command, roles::text[] AS roles, qual AS using, with_check AS check
     FROM pg_policies WHERE tablename = $1 ORDER BY policyname`,
    [table.name],
  );
  const own = policies.filter(
    ({ permissive, command, roles }) => permissive === 'PERMISSIVE' && command === 'ALL' && isOnly(roles, rules.tenantRole),
  );
  if (own.length === 0) problems.push(`${table.name} has no tenant policy for all statements`);
  for (const policy of policies) {
    if (rules.systemRole !== undefined && isOnly(policy.roles, rules.systemRole)) continue;
    if (policy.using !== tenantCondition) problems.push(`${table.name}: USING of ${policy.name} is not the tenant's`);
    if (policy.check !== tenantCondition) problems.push(`${table.name}: WITH CHECK of ${policy.name} is not the tenant's`);
  }
  return problems;
}

function isOnly(roles: string[], role: string): boolean {
  return roles.length === 1 && roles[0] === role;
}

interface Key {
  name: string;
  table: string;
}

/** Unique keys and foreign keys between tenant tables that leave tenant_id out, one sentence each. */
export async function keysWithoutTenant(client: Client, rules: CatalogueRules): Promise<string[]> {
  // The id of `tenants` is the tenant: its tenant_id is generated from it.
  const tenantColumns = `SELECT a.attnum FROM pg_attribute a WHERE a.attrelid = %s AND NOT a.attisdropped
    AND (a.attname = 'tenant_id' OR (a.attname = 'id' AND a.attrelid = to_regclass('tenants')))`;
  const columnsOf = (relation: string) => tenantColumns.replace('%s', relation);
  const unique = await client.query<Key>(
    `SELECT i.indexrelid::regclass::text AS name, c.relname AS table FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
     JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = 'public' AND i.indisunique AND NOT (c.relname = ANY($1))
       AND NOT EXISTS (${columnsOf('c.oid')} AND a.attnum = ANY(i.indkey::int2[]))
     ORDER BY 1`,
    [rules.global],
  );
  const foreign = await client.query<Key>(
    `SELECT k.conname AS name, c.relname AS table FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
     JOIN pg_class target ON target.oid = k.confrelid
     WHERE k.contype = 'f' AND NOT (c.relname = ANY($1)) AND NOT (target.relname = ANY($1))
       AND NOT EXISTS (
         SELECT 1 FROM generate_subscripts(k.conkey, 1) AS at
         WHERE k.conkey[at] IN (${columnsOf('k.conrelid')}) AND k.confkey[at] IN (${columnsOf('k.confrelid')}))
     ORDER BY 1`,
    [rules.global],
  );
  return [
    ...unique.rows.map(({ name, table }) => `${table}: the unique key ${name} leaves tenant_id out`),
    ...foreign.rows.map(({ name, table }) => `${table}: the foreign key ${name} leaves tenant_id out`),
  ];
}

/** Functions with their owner's rights that are meant to be there: for the system role alone, with a path that nobody can bend. */
const ownersFunctions = ['audit_prune'];

/** What a runtime role has that gets around row-level security, one sentence each. */
export async function mightyRoles(client: Client, roles: string[]): Promise<string[]> {
  const { rows } = await client.query<{ problem: string }>(
    `WITH RECURSIVE held AS (
       SELECT r.oid, r.rolname::text AS login FROM pg_roles r WHERE r.rolname = ANY($1)
       UNION SELECT m.roleid, held.login FROM pg_auth_members m JOIN held ON m.member = held.oid
     )
     SELECT held.login || ' is or may become ' || r.rolname || ', which is superuser, bypasses row-level security or makes roles' AS problem
       FROM held JOIN pg_roles r ON r.oid = held.oid WHERE r.rolsuper OR r.rolbypassrls OR r.rolcreaterole OR r.rolreplication
     UNION ALL SELECT held.login || ' owns ' || c.relname FROM held, pg_class c WHERE c.relowner = held.oid
     UNION ALL SELECT held.login || ' may ' || what || ' ' || c.relname FROM held, (VALUES ('TRUNCATE'), ('REFERENCES'), ('TRIGGER')) AS p(what), ${relations}
       WHERE c.relkind IN ('r', 'p') AND has_table_privilege(held.oid, c.oid, what)
     UNION ALL SELECT held.login || ' may make things in schema ' || nspname FROM held, pg_namespace
       WHERE nspname NOT LIKE 'pg\\_%' AND has_schema_privilege(held.oid, pg_namespace.oid, 'CREATE')
     UNION ALL SELECT DISTINCT 'everybody has the function ' || proname || ' with its owner''s rights' FROM pg_proc p
       JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.prosecdef AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
         AND NOT (p.proname = ANY($2) AND array_to_string(p.proconfig, ' ') LIKE '%search_path=%' AND NOT EXISTS (
           SELECT 1 FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
           WHERE a.grantee NOT IN (p.proowner, 'parley_system'::regrole)))`,
    [roles, ownersFunctions],
  );
  return rows.map(({ problem }) => problem);
}

/** Columns that a role may use, as `table: column, …`, by privilege. */
export async function columnsOpenTo(
  client: Client,
  role: string,
  privilege: 'SELECT' | 'INSERT' | 'UPDATE',
): Promise<Record<string, string[]>> {
  const { rows } = await client.query<{ name: string; columns: string[] }>(
    `SELECT c.relname AS name, array_agg(a.attname::text ORDER BY a.attnum) AS columns FROM ${relations}
     JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND has_column_privilege($1, c.oid, a.attnum, $2) GROUP BY c.relname ORDER BY c.relname`,
    [role, privilege],
  );
  return Object.fromEntries(rows.map(({ name, columns }) => [name, columns]));
}
