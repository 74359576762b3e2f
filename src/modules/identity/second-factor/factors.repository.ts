import { Injectable } from '@nestjs/common';
import { changed, row, rows, type Transaction } from '../../../platform/database/index.ts';

/** What somebody proves themself with. */
export type FactorKind = 'totp' | 'passkey';

/** Whose factors: a member of a tenant. UUIDs. */
export interface FactorOwner {
  tenantId: string;
  userId: string;
}

/** A factor as stored; `name` and `material` are ciphertext. */
export interface FactorRow {
  id: string;
  kind: FactorKind;
  name: Buffer;
  material: Buffer;
  lastStep: number | null;
  signCount: number | null;
  confirmedAt: Date | null;
  lastUsedAt: Date | null;
  createdAt: Date;
}

/** What is written of a factor. */
export interface FactorDraft extends FactorOwner {
  id: string;
  kind: FactorKind;
  name: Buffer;
  material: Buffer;
  credentialHash: Buffer | null;
  signCount: number | null;
  confirmed: boolean;
}

const columns = `id, kind, name, material, last_step::float8 AS "lastStep", sign_count::float8 AS "signCount", confirmed_at AS "confirmedAt",
  last_used_at AS "lastUsedAt", created_at AS "createdAt"`;

/** Second factors and recovery codes in Postgres. */
@Injectable()
export class FactorsRepository {
  async insert(tx: Transaction, draft: FactorDraft): Promise<void> {
    await changed(
      tx,
      `INSERT INTO second_factors (tenant_id, id, user_id, kind, name, material, credential_hash, sign_count, confirmed_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, CASE WHEN $9 THEN now() END)`,
      [
        draft.tenantId,
        draft.id,
        draft.userId,
        draft.kind,
        draft.name,
        draft.material,
        draft.credentialHash,
        draft.signCount,
        draft.confirmed,
      ],
    );
  }

  /** A member's factors, oldest first; those that are not confirmed too. Locks the membership, so that two changes come one after the other. */
  async locked(tx: Transaction, { tenantId, userId }: FactorOwner): Promise<FactorRow[]> {
    await row(tx, 'SELECT 1 FROM memberships WHERE tenant_id = $1 AND user_id = $2 FOR NO KEY UPDATE', [tenantId, userId]);
    return this.of(tx, { tenantId, userId });
  }

  of(tx: Transaction, { tenantId, userId }: FactorOwner): Promise<FactorRow[]> {
    return rows<FactorRow>(tx, `SELECT ${columns} FROM second_factors WHERE tenant_id = $1 AND user_id = $2 ORDER BY created_at, id`, [
      tenantId,
      userId,
    ]);
  }

  /** Whose passkeys a credential may be, in any tenant. Runs as the system role. */
  locate(tx: Transaction, credentialHash: Buffer): Promise<FactorOwner[]> {
    return rows<FactorOwner>(
      tx,
      `SELECT f.tenant_id AS "tenantId", f.user_id AS "userId" FROM second_factors f
         JOIN tenants t ON t.id = f.tenant_id JOIN users u ON u.id = f.user_id
        WHERE f.credential_hash = $1 AND f.confirmed_at IS NOT NULL AND t.status = 'active' AND u.disabled_at IS NULL LIMIT 2`,
      [credentialHash],
    );
  }

  /** Uses a time step; false when it, or a later one, has counted already. */
  async useStep(tx: Transaction, tenantId: string, id: string, step: number): Promise<boolean> {
    const count = await changed(
      tx,
      `UPDATE second_factors SET last_step = $3, last_used_at = now(), confirmed_at = coalesce(confirmed_at, now())
       WHERE tenant_id = $1 AND id = $2 AND (last_step IS NULL OR last_step < $3)`,
      [tenantId, id, step],
    );
    return count > 0;
  }

  /** Notes a signature of a passkey; false when its counter has gone back: there are two of it (WebAuthn, section 6.1.1). Nought is "does not count". */
  async useCount(tx: Transaction, tenantId: string, id: string, count: number): Promise<boolean> {
    const updated = await changed(
      tx,
      `UPDATE second_factors SET sign_count = $3, last_used_at = now()
       WHERE tenant_id = $1 AND id = $2 AND (sign_count < $3 OR (sign_count = 0 AND $3 = 0))`,
      [tenantId, id, count],
    );
    return updated > 0;
  }

  async delete(tx: Transaction, tenantId: string, id: string): Promise<void> {
    await changed(tx, 'DELETE FROM second_factors WHERE tenant_id = $1 AND id = $2', [tenantId, id]);
  }

  /** Deletes everything of a member; gives how many factors went. */
  async deleteAll(tx: Transaction, { tenantId, userId }: FactorOwner): Promise<number> {
    await changed(tx, 'DELETE FROM recovery_codes WHERE tenant_id = $1 AND user_id = $2', [tenantId, userId]);
    return changed(tx, 'DELETE FROM second_factors WHERE tenant_id = $1 AND user_id = $2', [tenantId, userId]);
  }

  /** Puts new recovery codes in the place of all there were. */
  async replaceCodes(tx: Transaction, { tenantId, userId }: FactorOwner, codes: { id: string; hash: Buffer }[]): Promise<void> {
    await changed(tx, 'DELETE FROM recovery_codes WHERE tenant_id = $1 AND user_id = $2', [tenantId, userId]);
    await changed(
      tx,
      `INSERT INTO recovery_codes (tenant_id, id, user_id, code_hash) SELECT $1, c.id, $2, c.hash FROM unnest($3::uuid[], $4::bytea[]) AS c (id, hash)`,
      [tenantId, userId, codes.map(({ id }) => id), codes.map(({ hash }) => hash)],
    );
  }

  /** Uses a recovery code up; false when there is none such. */
  async useCode(tx: Transaction, { tenantId, userId }: FactorOwner, hash: Buffer): Promise<boolean> {
    const count = await changed(
      tx,
      'UPDATE recovery_codes SET used_at = now() WHERE tenant_id = $1 AND user_id = $2 AND code_hash = $3 AND used_at IS NULL',
      [tenantId, userId, hash],
    );
    return count > 0;
  }

  /** How many recovery codes a member has left. */
  async codesLeft(tx: Transaction, { tenantId, userId }: FactorOwner): Promise<number> {
    const counted = await row<{ count: number }>(
      tx,
      'SELECT count(*)::int AS count FROM recovery_codes WHERE tenant_id = $1 AND user_id = $2 AND used_at IS NULL',
      [tenantId, userId],
    );
    return counted?.count ?? 0;
  }

  /** Whether the tenant demands a second factor of everybody. */
  async isDemanded(tx: Transaction, tenantId: string): Promise<boolean> {
    const policy = await row(tx, `SELECT 1 FROM security_policies WHERE tenant_id = $1 AND second_factor = 'required'`, [tenantId]);
    return policy !== undefined;
  }

  /** Sets whether the tenant demands a second factor. */
  async setPolicy(tx: Transaction, tenantId: string, secondFactor: 'optional' | 'required'): Promise<void> {
    await changed(
      tx,
      `INSERT INTO security_policies (tenant_id, second_factor) VALUES ($1, $2)
       ON CONFLICT (tenant_id) DO UPDATE SET second_factor = excluded.second_factor, updated_at = now()`,
      [tenantId, secondFactor],
    );
  }
}
