import { Injectable } from '@nestjs/common';
import { changed, row, rows, type Transaction } from '../../../platform/database/index.ts';
import type { ErasedRows, Person } from '../../../platform/personal-data/index.ts';

/** An erasure as stored. */
export interface ErasureRow {
  id: string;
  kind: Person['kind'];
  subjectId: string;
  state: 'queued' | 'running' | 'done';
  /** Public id of who asked for it. */
  requestedBy: string;
  deleted: ErasedRows;
  receipt: string | null;
  createdAt: Date;
  finishedAt: Date | null;
}

/** An erasure as the system role sees it. */
export interface ErasureState {
  tenantId: string;
  id: string;
  kind: Person['kind'];
  subjectId: string;
  state: ErasureRow['state'];
}

const columns = `id, kind, subject_id AS "subjectId", state, requested_by AS "requestedBy", deleted, receipt, created_at AS "createdAt",
  finished_at AS "finishedAt"`;

const persons: Record<Person['kind'], string> = {
  visitor: 'SELECT 1 FROM visitors WHERE tenant_id = $1 AND id = $2 FOR UPDATE',
  user: 'SELECT 1 FROM memberships WHERE tenant_id = $1 AND user_id = $2 FOR UPDATE',
};

const sql = {
  insert: `INSERT INTO erasures (tenant_id, id, kind, subject_id, requested_by) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (tenant_id, subject_id) WHERE state <> 'done' DO NOTHING`,
  unfinished: `SELECT ${columns} FROM erasures WHERE tenant_id = $1 AND subject_id = $2 AND state <> 'done'`,
  begin: `UPDATE erasures SET state = 'running' WHERE tenant_id = $1 AND id = $2 AND state <> 'done'`,
  finish: `UPDATE erasures SET state = 'done', deleted = $3, receipt = $4, finished_at = $5 WHERE tenant_id = $1 AND id = $2 AND state <> 'done'`,
  // What an attempt before has counted, and this one.
  count: `UPDATE erasures SET deleted = deleted || (
      SELECT coalesce(jsonb_object_agg(d.key, (d.value)::bigint + coalesce((e.deleted ->> d.key)::bigint, 0)), '{}')
      FROM jsonb_each_text($3::jsonb) d, erasures e WHERE e.tenant_id = $1 AND e.id = $2)
    WHERE tenant_id = $1 AND id = $2 AND state <> 'done' RETURNING deleted`,
  after: `SELECT tenant_id AS "tenantId", id, kind, subject_id AS "subjectId", state FROM erasures
    WHERE (tenant_id, id) > ($1::uuid, $2::uuid) ORDER BY tenant_id, id LIMIT $3`,
};

/** Erasures in Postgres. */
@Injectable()
export class ErasuresRepository {
  /** Locks the person until the end of the transaction; false when there is no such person (any more). */
  async lockPerson(tx: Transaction, { tenantId, kind, id }: Person): Promise<boolean> {
    // Whoever places a hold on all of the tenant or on a bot has it locked.
    await row(tx, 'SELECT 1 FROM tenants WHERE tenant_id = $1 FOR SHARE', [tenantId]);
    return (await row(tx, persons[kind], [tenantId, id])) !== undefined;
  }

  /** Stores a wish, unless there is one that is not finished; gives the one that there is then. */
  async insert(tx: Transaction, { tenantId, kind, id }: Person, erasure: { id: string; requestedBy: string }): Promise<ErasureRow> {
    await changed(tx, sql.insert, [tenantId, erasure.id, kind, id, erasure.requestedBy]);
    const stored = await row<ErasureRow>(tx, sql.unfinished, [tenantId, id]);
    if (stored === undefined) throw new Error('an erasure was finished while it was asked for');
    return stored;
  }

  byId(tx: Transaction, tenantId: string, id: string): Promise<ErasureRow | undefined> {
    return row<ErasureRow>(tx, `SELECT ${columns} FROM erasures WHERE tenant_id = $1 AND id = $2`, [tenantId, id]);
  }

  /** Newest first, after the erasure `after`. */
  page(tx: Transaction, tenantId: string, limit: number, after: string | undefined): Promise<ErasureRow[]> {
    return rows<ErasureRow>(
      tx,
      `SELECT ${columns} FROM erasures WHERE tenant_id = $1 AND ($3::uuid IS NULL OR id < $3::uuid) ORDER BY id DESC LIMIT $2`,
      [tenantId, limit, after ?? null],
    );
  }

  async begin(tx: Transaction, tenantId: string, id: string): Promise<void> {
    await changed(tx, sql.begin, [tenantId, id]);
  }

  /** Adds to what has been deleted so far; gives all of it. */
  async count(tx: Transaction, tenantId: string, id: string, more: ErasedRows): Promise<ErasedRows> {
    const stored = await row<{ deleted: ErasedRows }>(tx, sql.count, [tenantId, id, JSON.stringify(more)]);
    return stored?.deleted ?? more;
  }

  /** False when it was finished before. */
  async finish(
    tx: Transaction,
    tenantId: string,
    id: string,
    end: { deleted: ErasedRows; receipt: string; finishedAt: Date },
  ): Promise<boolean> {
    return (await changed(tx, sql.finish, [tenantId, id, JSON.stringify(end.deleted), end.receipt, end.finishedAt])) > 0;
  }

  /** Erasures of all tenants in the order of tenant and id, after one of them. Runs as the system role. */
  after(tx: Transaction, after: Pick<ErasureState, 'tenantId' | 'id'>, limit: number): Promise<ErasureState[]> {
    return rows<ErasureState>(tx, sql.after, [after.tenantId, after.id, limit]);
  }
}
