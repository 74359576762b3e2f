import { Injectable } from '@nestjs/common';
import { type IdKind, publicId } from '../../kernel/ids.ts';
import { CannotDecrypt, KeyRing, type Place } from '../crypto/index.ts';
import { changed, rows, TenantDatabase } from '../database/index.ts';
import type { DataSubject, SubjectKind } from './data-subject.ts';
import type { ErasedRows, ExportedRecord } from './personal-data-holder.ts';

/** A tenant table with personal rows: how they are found, shown and deleted. */
export interface HeldTable {
  table: string;
  /** Name of its list in an export. */
  file: string;
  /** SQL: which rows `t` are a subject's; $1 is the tenant, $2 the subject. Kinds that are absent have none here. */
  of: Partial<Record<SubjectKind, string>>;
  /** The column, a UUID and unique within the tenant, by which rows are gone through; `id` when absent. */
  key?: string;
  /** UUID columns, and the kind of the public id that is shown for them. */
  ids: Readonly<Record<string, IdKind>>;
  /** Columns that are shown as they are. */
  columns: readonly string[];
  /** Sealed columns, and what they hold. */
  sealed?: Readonly<Record<string, 'text' | 'json'>>;
}

type StoredRow = Record<string, unknown>;

/** Rows that are deleted in one transaction, and rows that are read: a page of a visitor's rows is sorted out of all of them. */
const batchRows = 200;
const pageRows = 500;
const lowestId = '00000000-0000-0000-0000-000000000000';

/** Goes through tables of which only a description is needed, in short transactions. */
@Injectable()
export class HeldTables {
  constructor(
    private readonly database: TenantDatabase,
    private readonly keyRing: KeyRing,
  ) {}

  /** The subject's rows of each table, table by table and in the order of their ids; what no longer opens is null. */
  async *records(subject: DataSubject, tables: readonly HeldTable[]): AsyncGenerator<ExportedRecord> {
    for (const table of tables) {
      if (table.of[subject.kind] === undefined) continue;
      for (let after = lowestId; ;) {
        const found = await this.page(subject, table, after);
        for (const stored of found) yield { file: table.file, record: await this.shown(subject.tenantId, table, stored) };
        if (found.length < pageRows) break;
        after = found.at(-1)?.['key'] as string;
      }
    }
  }

  /** Deletes the subject's rows of each table, in that order. */
  async erase(subject: DataSubject, tables: readonly HeldTable[]): Promise<ErasedRows> {
    const erased: ErasedRows = {};
    for (const { table, of, key = 'id' } of tables) {
      const condition = of[subject.kind];
      if (condition === undefined) continue;
      const sql = `DELETE FROM ${table} WHERE tenant_id = $1 AND ${key} IN (
        SELECT t.${key} FROM ${table} t WHERE t.tenant_id = $1 AND (${condition}) AND $2::uuid IS NOT NULL LIMIT ${batchRows})`;
      for (let gone = batchRows; gone >= batchRows;) {
        gone = await this.database.forTenant(subject.tenantId, (tx) => changed(tx, sql, [subject.tenantId, subject.id]));
        if (gone > 0) erased[table] = (erased[table] ?? 0) + gone;
      }
    }
    return erased;
  }

  private page({ tenantId, kind, id }: DataSubject, held: HeldTable, after: string): Promise<StoredRow[]> {
    const key = held.key ?? 'id';
    const names = [...Object.keys(held.ids), ...held.columns, ...Object.keys(held.sealed ?? {})];
    return this.database.forTenant(tenantId, (tx) =>
      rows<StoredRow>(
        tx,
        `SELECT t.${key} AS key, ${names.map((name) => `t.${name}`).join(', ')} FROM ${held.table} t
         WHERE t.tenant_id = $1 AND (${held.of[kind]}) AND $2::uuid IS NOT NULL AND t.${key} > $3::uuid ORDER BY t.${key} LIMIT ${pageRows}`,
        [tenantId, id, after],
      ),
    );
  }

  private async shown(tenantId: string, held: HeldTable, stored: StoredRow): Promise<Record<string, unknown>> {
    const record: Record<string, unknown> = {};
    for (const [column, kind] of Object.entries(held.ids)) {
      const id = stored[column] as string | null;
      record[column] = id === null ? null : publicId(kind, id);
    }
    for (const [column, holds] of Object.entries(held.sealed ?? {})) {
      const place = { tenantId, table: held.table, column, rowId: stored['key'] as string };
      const opened = await this.opened(place, stored[column] as Buffer | null);
      record[column] = opened === null || holds === 'text' ? opened : (JSON.parse(opened) as unknown);
    }
    for (const column of held.columns) {
      const value = stored[column];
      record[column] = value instanceof Date ? value.toISOString() : value;
    }
    return record;
  }

  private async opened(place: Place, sealed: Buffer | null): Promise<string | null> {
    if (sealed === null) return null;
    try {
      return (await this.keyRing.open(place, sealed)).toString();
    } catch (error) {
      if (!(error instanceof CannotDecrypt)) throw error;
      return null;
    }
  }
}
