import { changed, row, rows, type Transaction } from '../../database/index.ts';

/** Long work with the keys of one tenant, that can be interrupted. */
export type KeyJobKind = 'rotate-visitors' | 'reencrypt';

/** How far such work is. */
export interface KeyJob {
  id: string;
  kind: KeyJobKind;
  tenantId: string;
  state: 'running' | 'done';
  /** Where it is: the column that it goes through, and the last row of it. */
  place: string;
  after: string | null;
  /** Rows looked at, changed, and closed to us. */
  seen: number;
  changed: number;
  unreadable: number;
  startedAt: Date;
  updatedAt: Date;
}

const columns = `id, kind, tenant_id AS "tenantId", state, place, after, seen::int AS seen, changed::int AS changed,
  unreadable::int AS unreadable, started_at AS "startedAt", updated_at AS "updatedAt"`;

/** The unfinished job of that kind, or a new one. */
export async function takeKeyJob(tx: Transaction, id: string, kind: KeyJobKind, tenantId: string): Promise<KeyJob> {
  await changed(tx, 'INSERT INTO key_jobs (id, kind, tenant_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING', [id, kind, tenantId]);
  const job = await row<KeyJob>(tx, `SELECT ${columns} FROM key_jobs WHERE kind = $1 AND tenant_id = $2 AND state = 'running'`, [
    kind,
    tenantId,
  ]);
  if (job === undefined) throw new Error('a job with keys ended while it was taken up');
  return job;
}

/** Writes down how far a job is. */
export async function saveKeyJob(tx: Transaction, job: KeyJob): Promise<void> {
  await changed(
    tx,
    `UPDATE key_jobs SET state = $2, place = $3, after = $4, seen = $5, changed = $6, unreadable = $7, updated_at = now() WHERE id = $1`,
    [job.id, job.state, job.place, job.after, job.seen, job.changed, job.unreadable],
  );
}

/** The latest jobs, newest first. */
export function latestKeyJobs(tx: Transaction, limit: number): Promise<KeyJob[]> {
  return rows<KeyJob>(tx, `SELECT ${columns} FROM key_jobs ORDER BY started_at DESC, id DESC LIMIT $1`, [limit]);
}
