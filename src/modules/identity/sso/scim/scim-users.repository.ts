import { Injectable } from '@nestjs/common';
import type { Role } from '../../../../kernel/permissions.ts';
import { changed, row, rows, type Transaction } from '../../../../platform/database/index.ts';

/** A person whom a directory keeps here; `content` is ciphertext under their own key. */
export interface ScimUserRow {
  id: string;
  userId: string;
  content: Buffer;
  active: boolean;
  /** Whether their account was made for the directory, and is nobody's by another way. */
  made: boolean;
  createdAt: Date;
  updatedAt: Date;
}

/** Keyed hashes by which a person is found. */
export interface ScimHashes {
  userName: Buffer;
  email: Buffer;
  externalId: Buffer | null;
}

const columns = 'id, user_id AS "userId", content, active, made, created_at AS "createdAt", updated_at AS "updatedAt"';

/** People whom a directory keeps here, in Postgres. */
@Injectable()
export class ScimUsersRepository {
  async insert(
    tx: Transaction,
    tenantId: string,
    user: Omit<ScimUserRow, 'createdAt' | 'updatedAt'>,
    hashes: ScimHashes,
  ): Promise<boolean> {
    const count = await changed(
      tx,
      `INSERT INTO scim_users (tenant_id, id, user_id, content, active, made, user_name_hash, email_hash, external_id_hash)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING`,
      [tenantId, user.id, user.userId, user.content, user.active, user.made, hashes.userName, hashes.email, hashes.externalId],
    );
    return count > 0;
  }

  /** Writes a person anew. Throws what Postgres throws for a name that somebody else has. */
  async update(tx: Transaction, tenantId: string, user: Pick<ScimUserRow, 'id' | 'content' | 'active'>, hashes: ScimHashes): Promise<void> {
    await changed(
      tx,
      `UPDATE scim_users SET content = $3, active = $4, user_name_hash = $5, email_hash = $6, external_id_hash = $7, updated_at = clock_timestamp()
        WHERE tenant_id = $1 AND id = $2`,
      [tenantId, user.id, user.content, user.active, hashes.userName, hashes.email, hashes.externalId],
    );
  }

  /** Whether somebody else has this name. */
  async isTaken(tx: Transaction, tenantId: string, userNameHash: Buffer, exceptId: string): Promise<boolean> {
    const sql = 'SELECT 1 FROM scim_users WHERE tenant_id = $1 AND user_name_hash = $2 AND id <> $3';
    return (await row(tx, sql, [tenantId, userNameHash, exceptId])) !== undefined;
  }

  lock(tx: Transaction, tenantId: string, id: string): Promise<ScimUserRow | undefined> {
    return row<ScimUserRow>(tx, `SELECT ${columns} FROM scim_users WHERE tenant_id = $1 AND id = $2 FOR UPDATE`, [tenantId, id]);
  }

  async delete(tx: Transaction, tenantId: string, id: string): Promise<void> {
    await changed(tx, 'DELETE FROM scim_users WHERE tenant_id = $1 AND id = $2', [tenantId, id]);
  }

  /** Oldest first, those with the hash alone when there is one; and how many there are. */
  async page(
    tx: Transaction,
    tenantId: string,
    by: { column: 'user_name_hash' | 'external_id_hash'; hash: Buffer } | undefined,
    offset: number,
    limit: number,
  ): Promise<{ total: number; found: ScimUserRow[] }> {
    const where = by === undefined ? 'tenant_id = $1' : `tenant_id = $1 AND ${by.column} = $2`;
    const values = by === undefined ? [tenantId] : [tenantId, by.hash];
    const counted = await row<{ count: number }>(tx, `SELECT count(*)::int AS count FROM scim_users WHERE ${where}`, values);
    const found = await rows<ScimUserRow>(
      tx,
      `SELECT ${columns} FROM scim_users WHERE ${where} ORDER BY id OFFSET ${offset} LIMIT ${limit}`,
      values,
    );
    return { total: counted?.count ?? 0, found };
  }

  /**
   * Gives people the highest role of their groups, and those whom the directory has made and who are in none that has one, the lowest. Owners stay
   * what they are. Gives whose role is another one now.
   */
  applyRoles(tx: Transaction, tenantId: string, ids: readonly string[]): Promise<{ userId: string; from: Role; to: Role }[]> {
    return rows(
      tx,
      `WITH wanted AS (
         SELECT s.user_id, s.made,
                (array_agg(g.role ORDER BY array_position(ARRAY['admin', 'developer', 'viewer'], g.role)) FILTER (WHERE g.role IS NOT NULL))[1] AS role
           FROM scim_users s
           LEFT JOIN scim_group_members gm ON gm.tenant_id = s.tenant_id AND gm.scim_user_id = s.id
           LEFT JOIN scim_groups g ON g.tenant_id = gm.tenant_id AND g.id = gm.group_id
          WHERE s.tenant_id = $1 AND s.id = ANY($2) GROUP BY s.user_id, s.made
       ), before AS (
         SELECT m.user_id, m.role FROM memberships m JOIN wanted w ON w.user_id = m.user_id WHERE m.tenant_id = $1 FOR UPDATE OF m
       )
       UPDATE memberships m SET role = coalesce(w.role, 'viewer') FROM wanted w JOIN before b ON b.user_id = w.user_id
        WHERE m.tenant_id = $1 AND m.user_id = w.user_id AND (w.role IS NOT NULL OR w.made) AND b.role <> 'owner' AND b.role <> coalesce(w.role, 'viewer')
       RETURNING m.user_id AS "userId", b.role AS "from", m.role AS "to"`,
      [tenantId, ids],
    );
  }
}
