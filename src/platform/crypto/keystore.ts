import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { asTenant, closePool, inOneTrip, inTransaction, ping, row, rows, type Statement } from '../database/index.ts';

/** Injection token of the pool to the keystore database. */
export const KEYSTORE_POOL = 'crypto:keystore-pool';

/** What a wrapped key belongs to. */
export type KeyKind = 'tenant' | 'visitor';

/** A key as it is stored. */
export interface WrappedKey {
  id: string;
  kind: KeyKind;
  subjectId: string;
  wrapped: Buffer;
}

/** A signing key as it is stored: the private part wrapped, the public part clear. */
export interface StoredSigningKey {
  kid: string;
  wrappedPrivateKey: Buffer;
  publicJwk: Record<string, unknown>;
}

/** How long an answer counts as a sign of life, in milliseconds. */
const recentlyMs = 1_000;

const columns = 'id, kind, subject_id AS "subjectId", wrapped';

/** The database of wrapped keys. Knows nothing of what they open. */
@Injectable()
export class Keystore implements OnApplicationShutdown {
  /** When it answered last, on the monotonic clock. */
  private answeredAt = Number.NEGATIVE_INFINITY;

  constructor(@Inject(KEYSTORE_POOL) private readonly pool: DataSource) {}

  /** The key of one subject, if there is one. */
  findBySubject(tenantId: string, kind: KeyKind, subjectId: string): Promise<WrappedKey | undefined> {
    return this.atOnce(tenantId, (tx) =>
      row<WrappedKey>(tx, `SELECT ${columns} FROM wrapped_keys WHERE tenant_id = $1 AND kind = $2 AND subject_id = $3`, [
        tenantId,
        kind,
        subjectId,
      ]),
    );
  }

  /** The keys of a tenant among `ids`, each with the tenant's own key that wraps them. */
  findByIds(tenantId: string, ids: string[]): Promise<WrappedKey[]> {
    return this.atOnce(tenantId, (tx) =>
      rows<WrappedKey>(tx, `SELECT ${columns} FROM wrapped_keys WHERE tenant_id = $1 AND (id = ANY($2::uuid[]) OR kind = 'tenant')`, [
        tenantId,
        ids,
      ]),
    );
  }

  /** Stores a key unless the subject has one already; gives the one that is stored. */
  async add(tenantId: string, key: WrappedKey): Promise<WrappedKey> {
    return this.forTenant(tenantId, async (tx) => {
      const added = await row<WrappedKey>(
        tx,
        `INSERT INTO wrapped_keys (tenant_id, id, kind, subject_id, wrapped) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (tenant_id, kind, subject_id) DO NOTHING RETURNING ${columns}`,
        [tenantId, key.id, key.kind, key.subjectId, key.wrapped],
      );
      if (added !== undefined) return added;
      const existing = await row<WrappedKey>(
        tx,
        `SELECT ${columns} FROM wrapped_keys WHERE tenant_id = $1 AND kind = $2 AND subject_id = $3`,
        [tenantId, key.kind, key.subjectId],
      );
      if (existing === undefined) throw new Error('the keystore lost a key while it was added');
      return existing;
    });
  }

  /** Deletes a subject's key for good: everything encrypted with it becomes unreadable. */
  erase(tenantId: string, kind: KeyKind, subjectId: string): Promise<boolean> {
    return this.forTenant(tenantId, async (tx) => {
      const gone = await rows(tx, 'DELETE FROM wrapped_keys WHERE tenant_id = $1 AND kind = $2 AND subject_id = $3 RETURNING id', [
        tenantId,
        kind,
        subjectId,
      ]);
      return gone.length > 0;
    });
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

  /** A cheap round trip, for readiness. Throws when the keystore does not answer. */
  async ping(): Promise<void> {
    // Behind many key look-ups a ping would wait, and say that the keystore is away while it is busy.
    if (performance.now() - this.answeredAt < recentlyMs) return;
    await ping(this.pool);
  }

  async onApplicationShutdown(): Promise<void> {
    await closePool(this.pool);
  }

  private async forTenant<T>(tenantId: string, work: Parameters<typeof inTransaction<T>>[2]): Promise<T> {
    const result = await inTransaction(this.pool, beginAs(tenantId), work);
    this.answeredAt = performance.now();
    return result;
  }

  private async atOnce<T>(tenantId: string, work: Parameters<typeof inTransaction<T>>[2]): Promise<T> {
    const result = await inOneTrip(this.pool, beginAs(tenantId), work);
    this.answeredAt = performance.now();
    return result;
  }
}

function beginAs(tenantId: string): Statement[] {
  if (!/^[0-9a-f-]{36}$/.test(tenantId)) throw new Error('the keystore needs the UUID of a tenant');
  return asTenant(tenantId);
}
