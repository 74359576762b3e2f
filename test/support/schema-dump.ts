import pg from 'pg';

interface Line {
  text: string;
}

/** Parts of a schema, each as a query that gives lines of SQL-like text in a stable order. */
const parts: [title: string, query: string][] = [
  [
    'Tables and columns',
    `SELECT 'TABLE ' || c.relname || CASE WHEN c.relrowsecurity THEN ' [row level security' || CASE WHEN c.relforcerowsecurity THEN ', forced' ELSE '' END || ']' ELSE '' END
       || E'\\n' || string_agg('  ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
       || CASE WHEN a.attgenerated <> '' THEN ' GENERATED AS (' || pg_get_expr(d.adbin, d.adrelid) || ')'
               WHEN d.adbin IS NOT NULL THEN ' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid) ELSE '' END, E'\\n' ORDER BY a.attnum) AS text
     FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
     LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
     WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace GROUP BY c.oid, c.relname ORDER BY c.relname`,
  ],
  [
    'Constraints',
    `SELECT conrelid::regclass || ': ' || pg_get_constraintdef(oid) AS text FROM pg_constraint
     WHERE connamespace = 'public'::regnamespace AND contype <> 'n' ORDER BY conrelid::regclass::text, conname`,
  ],
  ['Indexes', `SELECT indexdef AS text FROM pg_indexes WHERE schemaname = 'public' ORDER BY tablename, indexname`],
  [
    'Policies',
    `SELECT tablename || ': ' || policyname || ' FOR ' || cmd || ' TO '
       || CASE WHEN roles = ARRAY[current_user]::name[] THEN 'the owner' ELSE array_to_string(roles, ', ') END || coalesce(' USING ' || qual, '')
       || coalesce(' WITH CHECK ' || with_check, '') AS text
     FROM pg_policies WHERE schemaname = 'public' ORDER BY tablename, policyname`,
  ],
  [
    'Grants',
    `SELECT table_name || ': ' || grantee || ' ' || string_agg(privilege_type, ', ' ORDER BY privilege_type) AS text
     FROM information_schema.role_table_grants WHERE table_schema = 'public' AND grantee LIKE 'parley%' GROUP BY table_name, grantee
     ORDER BY table_name, grantee`,
  ],
  [
    'Column grants beyond those',
    `SELECT table_name || ': ' || grantee || ' ' || privilege_type || ' (' || string_agg(column_name, ', ' ORDER BY column_name) || ')' AS text
     FROM information_schema.column_privileges p WHERE table_schema = 'public' AND grantee LIKE 'parley%' AND NOT EXISTS (
       SELECT 1 FROM information_schema.role_table_grants t WHERE t.table_schema = 'public' AND t.table_name = p.table_name
         AND t.grantee = p.grantee AND t.privilege_type = p.privilege_type)
     GROUP BY table_name, grantee, privilege_type ORDER BY table_name, grantee, privilege_type`,
  ],
];

/** A database's schema as text, from the catalogue: there is no pg_dump for the embedded Postgres. */
export async function dumpSchema(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const sections: string[] = [];
    for (const [title, query] of parts) {
      const { rows } = await client.query<Line>(query);
      sections.push(`-- ${title}\n\n${rows.map(({ text }) => text).join('\n')}\n`);
    }
    return sections.join('\n');
  } finally {
    await client.end();
  }
}
