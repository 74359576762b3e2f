import { Injectable } from '@nestjs/common';
import { changed, row, rows, type Transaction } from '../../../platform/database/index.ts';
import type { KeyKind, KeyMode } from './key-format.ts';

/** A stored key, without its hash. */
export interface ApiKeyRow {
  id: string;
  name: string;
  kind: KeyKind;
  mode: KeyMode;
  hint: string;
  scopes: string[];
  botId: string | null;
  createdAt: Date;
  expiresAt: Date | null;
  lastUsedAt: Date | null;
  successorId: string | null;
}

/** A key about to be stored. */
export type ApiKeyDraft = Pick<ApiKeyRow, 'id' | 'name' | 'kind' | 'mode' | 'hint' | 'scopes' | 'botId' | 'expiresAt'> & {
  keyHash: Buffer;
};

const columns = `id, name, kind, mode, hint, scopes, bot_id AS "botId", created_at AS "createdAt", expires_at AS "expiresAt",
  last_used_at AS "lastUsedAt", successor_id AS "successorId"`;

/** API keys in the database. A revoked key stays for the record but is found no more. */
@Injectable()
export class ApiKeysRepository {
  /** Stores a key. Throws a foreign key violation (see `isUnknownBot`) when its bot is not the tenant's. */
  async insert(tx: Transaction, tenantId: string, draft: ApiKeyDraft): Promise<ApiKeyRow> {
    const inserted = await row<ApiKeyRow>(
      tx,
      `INSERT INTO api_keys (tenant_id, id, name, kind, mode, key_hash, hint, scopes, bot_id, expires_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING ${columns}`,
      [tenantId, draft.id, draft.name, draft.kind, draft.mode, draft.keyHash, draft.hint, draft.scopes, draft.botId, draft.expiresAt],
    );
    if (inserted === undefined) throw new Error('an API key was not stored');
    return inserted;
  }

  /** At most `limit` keys, newest first, those after `after` in that order. */
  page(tx: Transaction, tenantId: string, limit: number, after: string | undefined): Promise<ApiKeyRow[]> {
    return rows<ApiKeyRow>(
      tx,
      `SELECT ${columns} FROM api_keys WHERE tenant_id = $1 AND revoked_at IS NULL AND ($2::uuid IS NULL OR id < $2)
       ORDER BY id DESC LIMIT $3`,
      [tenantId, after ?? null, limit],
    );
  }

  /** Keys that count. One whose successor can be used does not: rolling a key takes no place of its own, and at most one key lives on beside its successor. */
  async count(tx: Transaction, tenantId: string): Promise<number> {
    const counted = await row<{ count: number }>(
      tx,
      `WITH live AS (SELECT id, successor_id FROM api_keys
         WHERE tenant_id = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now()))
       SELECT count(*)::int AS count FROM live WHERE successor_id IS NULL OR successor_id NOT IN (SELECT id FROM live)`,
      [tenantId],
    );
    return counted?.count ?? 0;
  }

  /** One key that is not revoked. */
  find(tx: Transaction, tenantId: string, id: string): Promise<ApiKeyRow | undefined> {
    return row<ApiKeyRow>(tx, `SELECT ${columns} FROM api_keys WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL`, [tenantId, id]);
  }

  /** One key that counts right now: not revoked, not expired, its tenant active. */
  findUsable(tx: Transaction, tenantId: string, id: string): Promise<ApiKeyRow | undefined> {
    return row<ApiKeyRow>(
      tx,
      `SELECT ${columns} FROM api_keys WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL
         AND (expires_at IS NULL OR expires_at > now())
         AND EXISTS (SELECT 1 FROM tenants t WHERE t.id = $1 AND t.status = 'active')`,
      [tenantId, id],
    );
  }

  /** Revokes a key; true when this call did it. */
  async revoke(tx: Transaction, tenantId: string, id: string): Promise<boolean> {
    return (
      (await changed(tx, 'UPDATE api_keys SET revoked_at = now() WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL', [
        tenantId,
        id,
      ])) > 0
    );
  }

  /**
   * Names a key's successor and ends the key after `overlapSeconds`, never later than it would have; a predecessor of its own that still lives ends now.
   * A key that was never used goes instead of such a predecessor, which then has the new successor and the overlap: whoever rolled it may have lost the
   * answer. True when this call did it.
   */
  async succeed(tx: Transaction, tenantId: string, id: string, successorId: string, overlapSeconds: number): Promise<boolean> {
    const rolled = await row<{ unused: boolean }>(
      tx,
      `UPDATE api_keys SET successor_id = $3, expires_at = LEAST(expires_at, now() + make_interval(secs => $4))
       WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL AND successor_id IS NULL AND (expires_at IS NULL OR expires_at > now())
       RETURNING last_used_at IS NULL AS unused`,
      [tenantId, id, successorId, overlapSeconds],
    );
    if (rolled === undefined) return false;
    // One of the two goes: otherwise a key that is rolled again and again would leave as many usable ones as it was rolled.
    const predecessor = `tenant_id = $1 AND successor_id = $2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())`;
    if (!rolled.unused) {
      await changed(tx, `UPDATE api_keys SET expires_at = now() WHERE ${predecessor}`, [tenantId, id]);
      return true;
    }
    const kept = await changed(
      tx,
      `UPDATE api_keys SET successor_id = $3, expires_at = LEAST(expires_at, now() + make_interval(secs => $4)) WHERE ${predecessor}`,
      [tenantId, id, successorId, overlapSeconds],
    );
    if (kept > 0) await changed(tx, 'UPDATE api_keys SET expires_at = now() WHERE tenant_id = $1 AND id = $2', [tenantId, id]);
    return true;
  }

  /** Notes that a key was used, unless that was noted within the last minute. */
  async touch(tx: Transaction, tenantId: string, id: string): Promise<void> {
    await changed(
      tx,
      `UPDATE api_keys SET last_used_at = now() WHERE tenant_id = $1 AND id = $2
         AND (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')`,
      [tenantId, id],
    );
  }

  /** Tenant and id of the key with that hash. Runs as the system role. */
  locate(tx: Transaction, keyHash: Buffer): Promise<{ tenantId: string; id: string } | undefined> {
    return row(tx, 'SELECT tenant_id AS "tenantId", id FROM api_keys WHERE key_hash = $1', [keyHash]);
  }
}

/** True when an insert failed because the tenant has no such bot. */
export function isUnknownBot(error: unknown): boolean {
  const { code, constraint } = (error as { driverError?: { code?: string; constraint?: string } }).driverError ?? {};
  // 23503 = foreign_key_violation
  return code === '23503' && constraint === 'api_keys_bot';
}
