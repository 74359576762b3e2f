import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import {
  asTenant,
  changed,
  closePool,
  inOneTrip,
  inTransaction,
  ping,
  row,
  rows,
  type Statement,
  type Transaction,
} from '../database/index.ts';

/** Injection token of the pool to the keystore database. */
export const KEYSTORE_POOL = 'crypto:keystore-pool';

/** What a wrapped key belongs to. */
export type KeyKind = 'tenant' | 'visitor';

/** What a version of a key is for: what is new, what there is, or nothing any more. */
export type KeyState = 'current' | 'old' | 'retired';

/** A version of a key as it is stored. */
export interface WrappedKey {
  id: string;
  kind: KeyKind;
  subjectId: string;
  state: KeyState;
  wrapped: Buffer;
}

/** Keys that opened and may not any more. Without a subject: all of the tenant. */
export interface KeyChange {
  tenantId: string;
  subjectId: string | null;
  /** They are gone for good, together with whom they belonged to. */
  erased?: boolean;
}

/** Somebody who was erased. A tenant's own id is its `tenantId`. */
export interface Tombstone {
  tenantId: string;
  kind: 'visitor' | 'user' | 'tenant';
  subjectId: string;
  erasedAt: Date;
}

/** Tombstones that are handed out at once, at most. */
const tombstonesAtOnce = 1_000;

/** A signing key as it is stored: the private part wrapped, the public part clear. */
export interface StoredSigningKey {
  kid: string;
  wrappedPrivateKey: Buffer;
  publicJwk: Record<string, unknown>;
}

/** How long an answer counts as a sign of life, in milliseconds. */
const recentlyMs = 1_000;

/** Columns of a WrappedKey. */
export const keyColumns = 'id, kind, subject_id AS "subjectId", state, wrapped';

/** SQL: nobody else adds a key of the subject, or erases it, until the end of the transaction. */
const lockSubject = `SELECT pg_advisory_xact_lock(hashtextextended('keys ' || $1::text || $2::text, 0))`;

const lowestId = '00000000-0000-0000-0000-000000000000';

/** Changes that are handed out at once, at most. */
const changesAtOnce = 5_000;

/** The database of wrapped keys. Knows nothing of what they open. */
@Injectable()
export class Keystore implements OnApplicationShutdown {
  /** When it answered last, on the monotonic clock. */
  private answeredAt = Number.NEGATIVE_INFINITY;

  constructor(@Inject(KEYSTORE_POOL) private readonly pool: DataSource) {}

  /** All versions of one subject's key, the newest first. */
  findBySubject(tenantId: string, kind: KeyKind, subjectId: string): Promise<WrappedKey[]> {
    return this.atOnce(tenantId, (tx) =>
      rows<WrappedKey>(
        tx,
        `SELECT ${keyColumns} FROM wrapped_keys WHERE tenant_id = $1 AND kind = $2 AND subject_id = $3 ORDER BY version DESC`,
        [tenantId, kind, subjectId],
      ),
    );
  }

  /** The keys of a tenant among `ids`, together with all versions of the tenant's own key: they wrap the others. */
  findByIds(tenantId: string, ids: string[]): Promise<WrappedKey[]> {
    return this.atOnce(tenantId, (tx) =>
      rows<WrappedKey>(tx, `SELECT ${keyColumns} FROM wrapped_keys WHERE tenant_id = $1 AND (id = ANY($2::uuid[]) OR kind = 'tenant')`, [
        tenantId,
        ids,
      ]),
    );
  }

  /**
   * Stores a subject's first key unless there is one already; gives the versions that are stored, the newest first. `wrappedBy` is the
   * tenant's key that wraps it: when that is gone or retired by now nothing is stored, and nothing may come back. The same for a
   * subject that was erased.
   */
  add(
    tenantId: string,
    key: Pick<WrappedKey, 'id' | 'kind' | 'subjectId' | 'wrapped'>,
    wrappedBy: string | undefined,
  ): Promise<WrappedKey[]> {
    return this.forTenant(tenantId, async (tx) => {
      const [, added] = await Promise.all([
        // Whoever erases the subject meanwhile waits, or was first and has left a tombstone that the next statement sees.
        rows(tx, lockSubject, [tenantId, key.subjectId]),
        row<WrappedKey>(
          tx,
          `INSERT INTO wrapped_keys (tenant_id, id, kind, subject_id, wrapped)
           SELECT $1::uuid, $2::uuid, $3, $4::uuid, $5::bytea
           WHERE NOT EXISTS (SELECT 1 FROM tombstones t WHERE t.tenant_id = $1 AND t.subject_id IN ($4::uuid, $1::uuid))
             AND ($6::uuid IS NULL OR EXISTS
               (SELECT 1 FROM wrapped_keys w WHERE w.tenant_id = $1 AND w.id = $6::uuid AND w.state <> 'retired' FOR KEY SHARE))
           ON CONFLICT DO NOTHING RETURNING ${keyColumns}`,
          [tenantId, key.id, key.kind, key.subjectId, key.wrapped, wrappedBy ?? null],
        ),
      ]);
      if (added !== undefined) {
        if (key.kind === 'tenant') await rows(tx, 'INSERT INTO key_holders (tenant_id) VALUES ($1) ON CONFLICT DO NOTHING', [tenantId]);
        return [added];
      }
      return rows<WrappedKey>(
        tx,
        `SELECT ${keyColumns} FROM wrapped_keys WHERE tenant_id = $1 AND kind = $2 AND subject_id = $3 ORDER BY version DESC`,
        [tenantId, key.kind, key.subjectId],
      );
    });
  }

  /** Deletes all versions of a subject's key for good: everything encrypted with them becomes unreadable. */
  erase(tenantId: string, kind: KeyKind, subjectId: string): Promise<boolean> {
    return this.forTenant(tenantId, async (tx) => {
      const sql = 'DELETE FROM wrapped_keys WHERE tenant_id = $1 AND kind = $2 AND subject_id = $3';
      const gone = await untilNone(() => changed(tx, sql, [tenantId, kind, subjectId]));
      await noteChange(tx, { tenantId, subjectId });
      return gone > 0;
    });
  }

  /**
   * Erases a subject: deletes all versions of its key, or of a tenant every key that there is, and leaves a tombstone, in one transaction.
   * From then on nothing of theirs opens and no key is made for them. Doing it twice changes nothing.
   */
  entomb({ tenantId, kind, subjectId }: Omit<Tombstone, 'erasedAt'>): Promise<void> {
    return this.forTenant(tenantId, async (tx) => {
      await rows(tx, lockSubject, [tenantId, subjectId]);
      await changed(tx, 'INSERT INTO tombstones (tenant_id, kind, subject_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING', [
        tenantId,
        kind,
        subjectId,
      ]);
      if (kind === 'tenant') {
        await untilNone(() => changed(tx, 'DELETE FROM wrapped_keys WHERE tenant_id = $1', [tenantId]));
        await changed(tx, 'DELETE FROM key_holders WHERE tenant_id = $1', [tenantId]);
        await changed(tx, 'DELETE FROM key_jobs WHERE tenant_id = $1', [tenantId]);
      } else {
        const sql = 'DELETE FROM wrapped_keys WHERE tenant_id = $1 AND subject_id = $2';
        await untilNone(() => changed(tx, sql, [tenantId, subjectId]));
      }
      await noteChange(tx, { tenantId, subjectId: kind === 'tenant' ? null : subjectId, erased: true });
    });
  }

  /** Whether a subject was erased. */
  async isEntombed(tenantId: string, subjectId: string): Promise<boolean> {
    const sql = 'SELECT 1 FROM tombstones WHERE tenant_id = $1 AND subject_id IN ($2::uuid, $1::uuid)';
    return (await this.atOnce(tenantId, (tx) => row(tx, sql, [tenantId, subjectId]))) !== undefined;
  }

  /** Those of some subjects, of any tenants, that have no tombstone. */
  async notEntombed<S extends Pick<Tombstone, 'tenantId' | 'subjectId'>>(subjects: readonly S[]): Promise<S[]> {
    if (subjects.length === 0) return [];
    const found = await this.atOnceForAll((tx) =>
      rows<{ tenantId: string; subjectId: string }>(
        tx,
        `SELECT tenant_id AS "tenantId", subject_id AS "subjectId" FROM tombstones
         WHERE (tenant_id, subject_id) IN (SELECT * FROM unnest($1::uuid[], $2::uuid[]))`,
        [subjects.map(({ tenantId }) => tenantId), subjects.map(({ subjectId }) => subjectId)],
      ),
    );
    const there = new Set(found.map(({ tenantId, subjectId }) => `${tenantId}|${subjectId}`));
    return subjects.filter(({ tenantId, subjectId }) => !there.has(`${tenantId}|${subjectId}`));
  }

  /** Tombstones in the order of tenant and subject, at most a thousand, after one of them. */
  tombstonesAfter(after: Pick<Tombstone, 'tenantId' | 'subjectId'> | undefined): Promise<Tombstone[]> {
    return this.atOnceForAll((tx) =>
      rows<Tombstone>(
        tx,
        `SELECT tenant_id AS "tenantId", kind, subject_id AS "subjectId", erased_at AS "erasedAt" FROM tombstones
         WHERE (tenant_id, subject_id) > ($1::uuid, $2::uuid) ORDER BY tenant_id, subject_id LIMIT ${tombstonesAtOnce}`,
        [after?.tenantId ?? lowestId, after?.subjectId ?? lowestId],
      ),
    );
  }

  /** The receipt for a tenant that is gone: kept with its tombstone, since it has no row any more. */
  async keepReceipt(tenantId: string, receipt: string): Promise<void> {
    const sql = 'UPDATE tombstones SET receipt = $2 WHERE tenant_id = $1 AND subject_id = $1';
    await this.forTenant(tenantId, (tx) => changed(tx, sql, [tenantId, receipt]));
  }

  /** That receipt; undefined while there is none. */
  async receiptOf(tenantId: string): Promise<string | undefined> {
    const sql = 'SELECT receipt FROM tombstones WHERE tenant_id = $1 AND subject_id = $1';
    return (await this.atOnce(tenantId, (tx) => row<{ receipt: string | null }>(tx, sql, [tenantId])))?.receipt ?? undefined;
  }

  /** Number of the last change that there was. */
  async lastChange(): Promise<number> {
    const found = await this.atOnceForAll((tx) => row<{ last: string | null }>(tx, 'SELECT max(seq) AS last FROM key_changes'));
    return Number(found?.last ?? 0);
  }

  /** What changed after number `after`, in order; the last number goes into the next question. */
  async changesAfter(after: number): Promise<{ last: number; changes: KeyChange[]; more: boolean }> {
    const found = await this.atOnceForAll((tx) =>
      rows<KeyChange & { seq: string }>(
        tx,
        `SELECT seq, tenant_id AS "tenantId", subject_id AS "subjectId", erased FROM key_changes WHERE seq > $1 ORDER BY seq LIMIT ${changesAtOnce}`,
        [after],
      ),
    );
    return { last: Number(found.at(-1)?.seq ?? after), changes: found, more: found.length === changesAtOnce };
  }

  /** How many jobs with keys are not finished, and how many rows they have looked at. */
  async runningJobs(): Promise<{ jobs: number; rows: number }> {
    const found = await this.atOnceForAll((tx) =>
      row<{ jobs: number; rows: number }>(
        tx,
        `SELECT count(*)::int AS jobs, coalesce(sum(seen), 0)::float8 AS rows FROM key_jobs WHERE state = 'running'`,
      ),
    );
    return found ?? { jobs: 0, rows: 0 };
  }

  /** All signing keys that still count, newest first. */
  signingKeys(): Promise<StoredSigningKey[]> {
    return inTransaction(this.pool, [], (tx) =>
      rows<StoredSigningKey>(
        tx,
        `SELECT kid, wrapped_private_key AS "wrappedPrivateKey", public_jwk AS "publicJwk" FROM signing_keys
         WHERE retired_at IS NULL ORDER BY created_at DESC, kid`,
      ),
    );
  }

  /** Stores the first signing key; when another replica was faster, nothing happens and false comes back. */
  addFirstSigningKey(key: StoredSigningKey): Promise<boolean> {
    return inTransaction(this.pool, [{ sql: 'SELECT pg_advisory_xact_lock(7310001)', values: [] }], async (tx) => {
      const added = await rows(
        tx,
        `INSERT INTO signing_keys (kid, wrapped_private_key, public_jwk)
         SELECT $1, $2, $3 WHERE NOT EXISTS (SELECT 1 FROM signing_keys WHERE retired_at IS NULL) RETURNING kid`,
        [key.kid, key.wrappedPrivateKey, JSON.stringify(key.publicJwk)],
      );
      return added.length > 0;
    });
  }

  /** Runs `work` for one tenant in one transaction: row-level security shows the keys of that tenant alone. */
  async forTenant<T>(tenantId: string, work: Parameters<typeof inTransaction<T>>[2]): Promise<T> {
    return this.noted(inTransaction(this.pool, beginAs(tenantId), work));
  }

  /** Runs `work` on what belongs to no tenant, in one transaction. */
  forAll<T>(work: Parameters<typeof inTransaction<T>>[2]): Promise<T> {
    return this.noted(inTransaction(this.pool, [], work));
  }

  /** A cheap round trip, for readiness. Throws when the keystore does not answer. */
  async ping(): Promise<void> {
    // Behind many key look-ups a ping would wait, and say that the keystore is away while it is busy.
    if (performance.now() - this.answeredAt < recentlyMs) return;
    await ping(this.pool);
  }

  async onApplicationShutdown(): Promise<void> {
    await closePool(this.pool);
  }

  private atOnce<T>(tenantId: string, work: Parameters<typeof inTransaction<T>>[2]): Promise<T> {
    return this.noted(inOneTrip(this.pool, beginAs(tenantId), work));
  }

  private atOnceForAll<T>(work: Parameters<typeof inTransaction<T>>[2]): Promise<T> {
    return this.noted(inOneTrip(this.pool, [], work));
  }

  private async noted<T>(running: Promise<T>): Promise<T> {
    const result = await running;
    this.answeredAt = performance.now();
    return result;
  }
}

/**
 * Tells all replicas, with the transaction, that keys may not be used as they were. The lock is held until it commits, so that numbers
 * become visible in their order and nobody who reads on from one misses a lower one. Changes of yesterday are dropped: no key is
 * held as long.
 */
export async function noteChange(tx: Transaction, { tenantId, subjectId, erased = false }: KeyChange): Promise<void> {
  await Promise.all([
    rows(tx, 'SELECT pg_advisory_xact_lock(7310002)'),
    changed(tx, 'INSERT INTO key_changes (tenant_id, subject_id, erased) VALUES ($1, $2, $3)', [tenantId, subjectId, erased]),
    changed(tx, `DELETE FROM key_changes WHERE at < now() - interval '1 day'`),
  ]);
}

/** A deletion that waited for a rotation does not see the version which that has added: it is asked again. */
async function untilNone(remove: () => Promise<number>): Promise<number> {
  for (let total = 0; ;) {
    const gone = await remove();
    if (gone === 0) return total;
    total += gone;
  }
}

function beginAs(tenantId: string): Statement[] {
  if (!/^[0-9a-f-]{36}$/.test(tenantId)) throw new Error('the keystore needs the UUID of a tenant');
  return asTenant(tenantId);
}
