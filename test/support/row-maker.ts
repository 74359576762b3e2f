import { randomBytes } from 'node:crypto';
import type { Client } from 'pg';
import { newUuid } from '../../src/kernel/ids.ts';

/** A row by column; only what an insert must name. */
export type MadeRow = Record<string, unknown>;

interface Column {
  name: string;
  type: string;
}

interface ForeignKey {
  columns: string[];
  target: string;
  targetColumns: string[];
}

interface Shape {
  columns: Column[];
  keys: ForeignKey[];
  /** First allowed value of columns with a list of them. */
  allowed: Record<string, string>;
}

/** Makes valid rows of any table out of the catalogue alone, so that a new table is covered without a word about it. */
export class RowMaker {
  private readonly shapes = new Map<string, Shape>();

  /** `client` must be superuser: it inserts for every tenant. */
  constructor(private readonly client: Client) {}

  /** Inserts the rows that a row of `table` needs, and gives that row, not inserted. */
  async draft(table: string, tenantId: string, known: Map<string, MadeRow> = new Map()): Promise<MadeRow> {
    const shape = await this.shapeOf(table);
    const made: MadeRow = {};
    for (const key of shape.keys) {
      const parent = known.get(key.target) ?? (await this.insert(key.target, tenantId, known));
      key.columns.forEach((column, at) => (made[column] = parent[key.targetColumns[at] as string]));
    }
    for (const { name, type } of shape.columns) made[name] ??= valueOf(table, name, type, tenantId, shape.allowed[name]);
    return made;
  }

  /** Inserts a row of `table` with everything that it needs. */
  async insert(table: string, tenantId: string, known: Map<string, MadeRow> = new Map()): Promise<MadeRow> {
    const made = await this.draft(table, tenantId, known);
    const { sql, values } = insertion(table, made);
    const { rows } = await this.client.query<MadeRow>(`${sql} RETURNING *`, values);
    const stored = rows[0] as MadeRow;
    known.set(table, stored);
    return stored;
  }

  private async shapeOf(table: string): Promise<Shape> {
    const known = this.shapes.get(table);
    if (known !== undefined) return known;
    const columns = await this.client.query<Column>(
      `SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute
       WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attnotnull AND NOT atthasdef AND attgenerated = '' ORDER BY attnum`,
      [table],
    );
    const keys = await this.client.query<ForeignKey>(
      `SELECT confrelid::regclass::text AS target,
         ARRAY(SELECT attname::text FROM unnest(conkey) WITH ORDINALITY u(n, o) JOIN pg_attribute ON attrelid = conrelid AND attnum = n ORDER BY o) AS columns,
         ARRAY(SELECT attname::text FROM unnest(confkey) WITH ORDINALITY u(n, o) JOIN pg_attribute ON attrelid = confrelid AND attnum = n ORDER BY o) AS "targetColumns"
       FROM pg_constraint k WHERE contype = 'f' AND conrelid = $1::regclass
         AND NOT EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = conrelid AND a.attnum = ANY(conkey) AND NOT a.attnotnull)`,
      [table],
    );
    const checks = await this.client.query<{ name: string; value: string }>(
      `SELECT a.attname AS name, (regexp_match(pg_get_constraintdef(k.oid), '''([^'']*)'''))[1] AS value
       FROM pg_constraint k JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = ANY(k.conkey)
       WHERE k.contype = 'c' AND k.conrelid = $1::regclass AND cardinality(k.conkey) = 1`,
      [table],
    );
    const allowed = Object.fromEntries(checks.rows.filter(({ value }) => value !== null).map(({ name, value }) => [name, value]));
    const shape = { columns: columns.rows, keys: keys.rows, allowed };
    this.shapes.set(table, shape);
    return shape;
  }
}

/** A row as an INSERT statement with its parameters. */
export function insertion(table: string, made: MadeRow): { sql: string; values: unknown[] } {
  const names = Object.keys(made);
  const places = names.map((_, at) => `$${at + 1}`);
  return { sql: `INSERT INTO ${table} (${names.join(', ')}) VALUES (${places.join(', ')})`, values: Object.values(made) };
}

function valueOf(table: string, name: string, type: string, tenantId: string, allowed: string | undefined): unknown {
  if (name === 'tenant_id' || (table === 'tenants' && name === 'id')) return tenantId;
  if (allowed !== undefined) return allowed;
  if (type === 'uuid') return newUuid();
  if (type === 'text') return `made-${randomBytes(6).toString('hex')}`;
  if (type === 'bytea') return randomBytes(32);
  if (type === 'boolean') return true;
  if (type === 'jsonb') return '{}';
  if (type.endsWith('[]')) return [];
  if (type.startsWith('timestamp')) return new Date();
  if (['integer', 'bigint', 'smallint', 'numeric'].includes(type)) return 1;
  throw new Error(`no value is known for ${table}.${name} of type ${type}`);
}
