/** A table with columns that are sealed under the keys of its rows' tenants and visitors, as its owner describes it. */
export interface SealedTable {
  table: string;
  /** Columns whose additional data is tenant, table, column and row. */
  columns: readonly string[];
  /** The column, a UUID and unique within the tenant, that names the row there; `id` when absent. */
  rowId?: string;
  /**
   * For a table that belongs to no tenant but the platform, which has a key like a tenant: the column that a change of the row raises.
   * The system role writes such a table, and does not read what is sealed in it.
   */
  platformVersion?: string;
}

/** Stands for a tenant where something is the platform's own. */
export const platformTenant = '00000000-0000-0000-0000-000000000000';

const described = new Map<string, SealedTable>();

/**
 * Says which columns of a table are sealed, once where their place is defined: sealed content can then be found and encrypted anew when
 * keys change. Throws for a table that was described before.
 */
export function defineSealedTable(table: SealedTable): SealedTable {
  for (const name of [table.table, table.rowId ?? 'id', table.platformVersion ?? 'id', ...table.columns])
    if (!/^[a-z_]+$/.test(name)) throw new Error(`${name} is no name of a table or column.`);
  if (described.has(table.table)) throw new Error(`The sealed columns of ${table.table} are described twice.`);
  described.set(table.table, table);
  return table;
}

/** One sealed column. */
export interface SealedColumn {
  table: string;
  column: string;
  rowId: string;
  platformVersion: string | undefined;
}

/** Every sealed column that there is, in a stable order. */
export function sealedColumns(): SealedColumn[] {
  return [...described.values()]
    .flatMap(({ table, columns, rowId = 'id', platformVersion }) => columns.map((column) => ({ table, column, rowId, platformVersion })))
    .toSorted((a, b) => nameOf(a).localeCompare(nameOf(b)));
}

/** `table.column`. */
export function nameOf({ table, column }: SealedColumn): string {
  return `${table}.${column}`;
}
