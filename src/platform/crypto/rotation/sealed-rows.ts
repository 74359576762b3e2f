import { changed, rows, type Transaction } from '../../database/index.ts';
import { bytesToUuid } from '../envelope.ts';
import type { SealedColumn } from '../sealed-columns.ts';

/** Which key a stored value was sealed with; null where the column is empty. */
export interface SealedHeader {
  row: string;
  keyId: string | null;
}

/** A page of a column, by its rows in order: headers alone, no content. Rows with an empty column count, so that a page has a bound. */
export async function headersAfter(
  tx: Transaction,
  tenantId: string,
  column: SealedColumn,
  after: string | null,
  limit: number,
): Promise<SealedHeader[]> {
  // Names of tables and columns come from the code (see defineSealedTable).
  const found = await rows<{ row: string; key: Buffer | null }>(
    tx,
    `SELECT ${column.rowId}::text AS row, substring(${column.column} FROM 2 FOR 16) AS key FROM ${column.table}
     WHERE ${ofTenant(column)} AND ($2::uuid IS NULL OR ${column.rowId} > $2::uuid) ORDER BY ${column.rowId} LIMIT $3`,
    [tenantId, after, limit],
  );
  return found.map(({ row, key }) => ({ row, keyId: key === null ? null : key.length === 16 ? bytesToUuid(key) : 'no key' }));
}

/** A stored value, and what says whether it is still the same when it is replaced. */
export interface SealedRow {
  row: string;
  sealed: Buffer;
  version: number | null;
}

/** Stored values of some rows. */
export function sealedRows(tx: Transaction, tenantId: string, column: SealedColumn, ids: string[]): Promise<SealedRow[]> {
  return rows<SealedRow>(
    tx,
    `SELECT ${column.rowId}::text AS row, ${column.column} AS sealed, ${column.platformVersion ?? 'NULL::integer'} AS version FROM ${column.table}
     WHERE ${ofTenant(column)} AND ${column.rowId} = ANY($2::uuid[]) AND ${column.column} IS NOT NULL ORDER BY ${column.rowId}`,
    [tenantId, ids],
  );
}

/** Puts `fresh` in the place of the value that was read. Gives whether it was still there. */
export async function replaceSealed(
  tx: Transaction,
  tenantId: string,
  column: SealedColumn,
  { row, sealed, version }: SealedRow,
  fresh: Buffer,
): Promise<boolean> {
  const update = `UPDATE ${column.table} SET ${column.column} = `;
  const count =
    column.platformVersion === undefined
      ? changed(tx, `${update} $4 WHERE tenant_id = $1 AND ${column.rowId} = $2 AND ${column.column} = $3`, [tenantId, row, sealed, fresh])
      : changed(tx, `${update} $3 WHERE ${column.rowId} = $1 AND ${column.platformVersion} = $2`, [row, version, fresh]);
  return (await count) > 0;
}

function ofTenant({ platformVersion }: SealedColumn): string {
  // The parameter is there either way.
  return platformVersion === undefined ? 'tenant_id = $1' : '$1::uuid IS NOT NULL';
}
