import { Injectable } from '@nestjs/common';
import { changed, row, rows, type Transaction } from '../../../../platform/database/index.ts';
import type { JoinRole } from '../providers/identity-providers.repository.ts';

/** A group of a directory; `content` is its name, as ciphertext under the tenant's key. */
export interface ScimGroupRow {
  id: string;
  content: Buffer;
  /** What its people may do here; null = nothing because of it. */
  role: JoinRole | null;
  createdAt: Date;
  updatedAt: Date;
}

const columns = 'id, content, role, created_at AS "createdAt", updated_at AS "updatedAt"';

/** Groups of a directory, in Postgres. */
@Injectable()
export class ScimGroupsRepository {
  async insert(tx: Transaction, tenantId: string, group: { id: string; content: Buffer; nameHash: Buffer }): Promise<boolean> {
    const sql = 'INSERT INTO scim_groups (tenant_id, id, content, display_name_hash) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING';
    return (await changed(tx, sql, [tenantId, group.id, group.content, group.nameHash])) > 0;
  }

  async rename(tx: Transaction, tenantId: string, group: { id: string; content: Buffer; nameHash: Buffer }): Promise<void> {
    await changed(
      tx,
      'UPDATE scim_groups SET content = $3, display_name_hash = $4, updated_at = clock_timestamp() WHERE tenant_id = $1 AND id = $2',
      [tenantId, group.id, group.content, group.nameHash],
    );
  }

  /** Whether another group has this name. */
  async isTaken(tx: Transaction, tenantId: string, nameHash: Buffer, exceptId: string): Promise<boolean> {
    const sql = 'SELECT 1 FROM scim_groups WHERE tenant_id = $1 AND display_name_hash = $2 AND id <> $3';
    return (await row(tx, sql, [tenantId, nameHash, exceptId])) !== undefined;
  }

  async setRole(tx: Transaction, tenantId: string, id: string, role: JoinRole | null): Promise<void> {
    await changed(tx, 'UPDATE scim_groups SET role = $3, updated_at = clock_timestamp() WHERE tenant_id = $1 AND id = $2', [
      tenantId,
      id,
      role,
    ]);
  }

  lock(tx: Transaction, tenantId: string, id: string): Promise<ScimGroupRow | undefined> {
    return row<ScimGroupRow>(tx, `SELECT ${columns} FROM scim_groups WHERE tenant_id = $1 AND id = $2 FOR UPDATE`, [tenantId, id]);
  }

  async delete(tx: Transaction, tenantId: string, id: string): Promise<void> {
    await changed(tx, 'DELETE FROM scim_groups WHERE tenant_id = $1 AND id = $2', [tenantId, id]);
  }

  /** Oldest first, the one with the name alone when it is asked for; and how many there are. */
  async page(tx: Transaction, tenantId: string, nameHash: Buffer | undefined, offset: number, limit: number) {
    const where = nameHash === undefined ? 'tenant_id = $1' : 'tenant_id = $1 AND display_name_hash = $2';
    const values = nameHash === undefined ? [tenantId] : [tenantId, nameHash];
    const counted = await row<{ count: number }>(tx, `SELECT count(*)::int AS count FROM scim_groups WHERE ${where}`, values);
    const found = await rows<ScimGroupRow>(
      tx,
      `SELECT ${columns} FROM scim_groups WHERE ${where} ORDER BY id OFFSET ${offset} LIMIT ${limit}`,
      values,
    );
    return { total: counted?.count ?? 0, found };
  }

  /** Who is in a group, by their ids here. */
  async members(tx: Transaction, tenantId: string, id: string): Promise<string[]> {
    const sql = 'SELECT scim_user_id AS id FROM scim_group_members WHERE tenant_id = $1 AND group_id = $2 ORDER BY scim_user_id';
    return (await rows<{ id: string }>(tx, sql, [tenantId, id])).map((member) => member.id);
  }

  /** Puts people of the tenant into a group; who is nobody here is left out. */
  async add(tx: Transaction, tenantId: string, id: string, users: readonly string[]): Promise<void> {
    await changed(
      tx,
      `INSERT INTO scim_group_members (tenant_id, group_id, scim_user_id)
       SELECT tenant_id, $2, id FROM scim_users WHERE tenant_id = $1 AND id = ANY($3) ON CONFLICT DO NOTHING`,
      [tenantId, id, users],
    );
  }

  /** Takes people out of a group; all without a list. */
  async remove(tx: Transaction, tenantId: string, id: string, users?: readonly string[]): Promise<void> {
    await changed(
      tx,
      'DELETE FROM scim_group_members WHERE tenant_id = $1 AND group_id = $2 AND ($3::uuid[] IS NULL OR scim_user_id = ANY($3))',
      [tenantId, id, users ?? null],
    );
  }
}
