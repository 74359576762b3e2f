import { Injectable } from '@nestjs/common';
import { changed, row, rows, type Transaction } from '../../../../platform/database/index.ts';
import type { SubjectKind } from '../../../../platform/personal-data/index.ts';
import type { ExportFailure } from './exports.errors.ts';

/** An export as stored. */
export interface ExportRow {
  id: string;
  kind: SubjectKind;
  /** The visitor; of a member, who they are as one. */
  visitorId: string | null;
  userId: string | null;
  state: 'queued' | 'running' | 'done' | 'failed' | 'expired';
  /** Number of the latest attempt to make it, and of the parts that count. */
  attempt: number;
  records: number;
  /** Of the archive. */
  bytes: number;
  errorCode: ExportFailure | null;
  /** Sealed; null once it is not needed any more. */
  password: Buffer | null;
  linkToken: Buffer | null;
  createdAt: Date;
  finishedAt: Date | null;
  expiresAt: Date | null;
}

/** How far an attempt is. */
export interface Progress {
  records: number;
  bytes: number;
}

/** An export as the system role sees it. */
export interface KnownExport {
  tenantId: string;
  id: string;
}

const columns = `id, kind, visitor_id AS "visitorId", user_id AS "userId", CASE WHEN state = 'done' AND expires_at <= now() THEN 'expired' ELSE state END AS state,
  attempt, records::float8 AS records, bytes::float8 AS bytes, error_code AS "errorCode", password, link_token AS "linkToken",
  created_at AS "createdAt", finished_at AS "finishedAt", expires_at AS "expiresAt"`;

/** SQL: an attempt that has not been overtaken, and whose export nobody has taken away. */
const mine = `tenant_id = $1 AND id = $2 AND attempt = $3 AND state = 'running'`;

/** An attempt that has shown no progress for so long is over, whatever became of it. */
const stale = '1 minute';
/** How long is remembered that there was an export. */
const remembered = '30 days';

const sql = {
  insert: `INSERT INTO personal_exports (tenant_id, id, kind, visitor_id, user_id, password, link_token, link_hash)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING ${columns}`,
  page: `SELECT ${columns} FROM personal_exports WHERE tenant_id = $1 AND ($3::uuid IS NULL OR id < $3::uuid) AND ($4 OR kind <> 'tenant')
    ORDER BY id DESC LIMIT $2`,
  kept: `SELECT count(*)::int AS kept FROM personal_exports WHERE tenant_id = $1
    AND (state IN ('queued', 'running') OR (state = 'done' AND expires_at > now()))`,
  beingErased: `SELECT 1 FROM erasures WHERE tenant_id = $1 AND state <> 'done' AND ($2::uuid[] IS NULL OR subject_id = ANY($2::uuid[])) LIMIT 1`,
  begin: `UPDATE personal_exports SET state = 'running', attempt = attempt + 1, records = 0, bytes = 0, updated_at = now()
    WHERE tenant_id = $1 AND id = $2 AND (state = 'queued' OR (state = 'running' AND updated_at < now() - interval '${stale}'))
    RETURNING ${columns}`,
  progress: `UPDATE personal_exports SET records = $4, bytes = $5, updated_at = now() WHERE ${mine}`,
  release: `UPDATE personal_exports SET state = 'queued', updated_at = now() WHERE ${mine}`,
  finish: `UPDATE personal_exports SET state = 'done', records = $4, bytes = $5, password = NULL, updated_at = now(), finished_at = $6,
    expires_at = $7 WHERE ${mine}`,
  // Whoever makes it meanwhile is overtaken.
  end: `UPDATE personal_exports SET state = $3, error_code = coalesce($4, error_code), attempt = attempt + 1, password = NULL, link_token = NULL,
    updated_at = now(), finished_at = coalesce(finished_at, now()) WHERE tenant_id = $1 AND id = $2 AND ($5::int IS NULL OR attempt = $5)`,
  of: {
    visitor: `SELECT id, kind FROM personal_exports WHERE tenant_id = $1 AND (visitor_id = $2 OR kind = 'tenant')`,
    user: `SELECT id, kind FROM personal_exports WHERE tenant_id = $1 AND (user_id = $2 OR kind = 'tenant')`,
    tenant: 'SELECT id, kind FROM personal_exports WHERE tenant_id = $1 AND $2::uuid = $1',
  },
  stuck: `SELECT tenant_id AS "tenantId", id FROM personal_exports WHERE state IN ('queued', 'running') AND updated_at < now() - interval '${stale}' LIMIT $1`,
  over: `SELECT tenant_id AS "tenantId", id FROM personal_exports WHERE (state = 'done' AND expires_at <= now())
    OR (state IN ('failed', 'expired') AND updated_at < now() - interval '${remembered}') LIMIT $1`,
  link: `SELECT tenant_id AS "tenantId", id, link_hash AS "linkHash" FROM personal_exports WHERE id = $1 AND state = 'done' AND expires_at > now()`,
};

/** Exports in Postgres. */
@Injectable()
export class ExportsRepository {
  /** Stores what was asked for. Fails with a broken reference when the person is gone. */
  async insert(
    tx: Transaction,
    tenantId: string,
    made: Pick<ExportRow, 'id' | 'kind' | 'visitorId' | 'userId' | 'password' | 'linkToken'> & { linkHash: Buffer },
  ): Promise<ExportRow> {
    const values = [tenantId, made.id, made.kind, made.visitorId, made.userId, made.password, made.linkToken, made.linkHash];
    return (await row<ExportRow>(tx, sql.insert, values)) as ExportRow;
  }

  byId(tx: Transaction, tenantId: string, id: string): Promise<ExportRow | undefined> {
    return row<ExportRow>(tx, `SELECT ${columns} FROM personal_exports WHERE tenant_id = $1 AND id = $2`, [tenantId, id]);
  }

  /** Newest first, after the export `after`; those of the whole tenant only where `wholeTenant` says so. */
  page(tx: Transaction, tenantId: string, query: { limit: number; after: string | undefined; wholeTenant: boolean }): Promise<ExportRow[]> {
    return rows<ExportRow>(tx, sql.page, [tenantId, query.limit, query.after ?? null, query.wholeTenant]);
  }

  /** How many exports there are that are being made, or have not expired. */
  async kept(tx: Transaction, tenantId: string): Promise<number> {
    return (await row<{ kept: number }>(tx, sql.kept, [tenantId]))?.kept ?? 0;
  }

  /** Whether any of the people is being erased; without a list, whether anybody of the tenant is. */
  async anyBeingErased(tx: Transaction, tenantId: string, people: string[] | undefined): Promise<boolean> {
    return (await row(tx, sql.beingErased, [tenantId, people ?? null])) !== undefined;
  }

  /** Begins a new attempt; undefined when there is nothing to make, or somebody is at it. */
  begin(tx: Transaction, tenantId: string, id: string): Promise<ExportRow | undefined> {
    return row<ExportRow>(tx, sql.begin, [tenantId, id]);
  }

  /** Says how far an attempt is, and holds the export until the transaction ends; false when the attempt was overtaken. */
  async progress(tx: Transaction, tenantId: string, { id, attempt }: ExportRow, { records, bytes }: Progress): Promise<boolean> {
    return (await changed(tx, sql.progress, [tenantId, id, attempt, records, bytes])) > 0;
  }

  /** Gives an attempt up, so that another can begin at once. */
  async release(tx: Transaction, tenantId: string, { id, attempt }: ExportRow): Promise<void> {
    await changed(tx, sql.release, [tenantId, id, attempt]);
  }

  /** Ends an attempt well; false when it was overtaken. */
  async finish(
    tx: Transaction,
    tenantId: string,
    { id, attempt }: ExportRow,
    end: Progress & { finishedAt: Date; expiresAt: Date },
  ): Promise<boolean> {
    return (await changed(tx, sql.finish, [tenantId, id, attempt, end.records, end.bytes, end.finishedAt, end.expiresAt])) > 0;
  }

  /** Ends an export for good: its link leads nowhere, and whoever makes it stops. With `attempt` only when that is the latest. */
  async end(
    tx: Transaction,
    tenantId: string,
    id: string,
    end: { state: 'failed' | 'expired'; errorCode?: ExportFailure; attempt?: number },
  ): Promise<boolean> {
    return (await changed(tx, sql.end, [tenantId, id, end.state, end.errorCode ?? null, end.attempt ?? null])) > 0;
  }

  async delete(tx: Transaction, tenantId: string, id: string): Promise<boolean> {
    return (await changed(tx, 'DELETE FROM personal_exports WHERE tenant_id = $1 AND id = $2', [tenantId, id])) > 0;
  }

  /** Exports in which somebody is: those of a whole tenant are in it, too. */
  holding(tx: Transaction, tenantId: string, kind: SubjectKind, id: string): Promise<Pick<ExportRow, 'id' | 'kind'>[]> {
    return rows<Pick<ExportRow, 'id' | 'kind'>>(tx, sql.of[kind], [tenantId, id]);
  }

  /** Exports of all tenants that nobody makes. Runs as the system role. */
  stuck(tx: Transaction, limit: number): Promise<KnownExport[]> {
    return rows<KnownExport>(tx, sql.stuck, [limit]);
  }

  /** Exports of all tenants whose time is over. Runs as the system role. */
  over(tx: Transaction, limit: number): Promise<KnownExport[]> {
    return rows<KnownExport>(tx, sql.over, [limit]);
  }

  /** The export that a link names, while it can be fetched. Runs as the system role. */
  behindLink(tx: Transaction, id: string): Promise<(KnownExport & { linkHash: Buffer }) | undefined> {
    return row<KnownExport & { linkHash: Buffer }>(tx, sql.link, [id]);
  }
}
