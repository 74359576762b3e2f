import { Injectable } from '@nestjs/common';
import type { Role } from '../../../kernel/permissions.ts';
import { changed, row, rows, type Transaction } from '../../../platform/database/index.ts';

/** A membership as stored; `email` is ciphertext. */
export interface MemberRow {
  /** Of the membership. */
  id: string;
  userId: string;
  role: Role;
  email: Buffer;
  createdAt: Date;
}

/** An invitation as stored; `content` is ciphertext. */
export interface InvitationRow {
  id: string;
  role: Role;
  content: Buffer;
  invitedBy: string;
  createdAt: Date;
  expiresAt: Date;
}

const member = 'id, user_id AS "userId", role, email, created_at AS "createdAt"';
const invitation = 'id, role, content, invited_by AS "invitedBy", created_at AS "createdAt", expires_at AS "expiresAt"';

/** Members of tenants, and who has been invited, in Postgres. */
@Injectable()
export class MembersRepository {
  /** Newest user first, after the user `after`. */
  page(tx: Transaction, tenantId: string, limit: number, after: string | undefined): Promise<MemberRow[]> {
    return rows<MemberRow>(
      tx,
      `SELECT ${member} FROM memberships WHERE tenant_id = $1 AND ($3::uuid IS NULL OR user_id < $3::uuid) ORDER BY user_id DESC LIMIT $2`,
      [tenantId, limit, after ?? null],
    );
  }

  /** One membership, locked until the end of the transaction. */
  lock(tx: Transaction, tenantId: string, userId: string): Promise<MemberRow | undefined> {
    return row<MemberRow>(tx, `SELECT ${member} FROM memberships WHERE tenant_id = $1 AND user_id = $2 FOR UPDATE`, [tenantId, userId]);
  }

  /** Locks the tenant's owners; gives their user ids. Whoever takes an owner away asks this first, so that two do not take the last two. */
  async owners(tx: Transaction, tenantId: string): Promise<string[]> {
    const found = await rows<{ userId: string }>(
      tx,
      `SELECT user_id AS "userId" FROM memberships WHERE tenant_id = $1 AND role = 'owner' ORDER BY user_id FOR UPDATE`,
      [tenantId],
    );
    return found.map(({ userId }) => userId);
  }

  async setRole(tx: Transaction, tenantId: string, userId: string, role: Role): Promise<void> {
    await changed(tx, 'UPDATE memberships SET role = $3 WHERE tenant_id = $1 AND user_id = $2', [tenantId, userId, role]);
  }

  /** Takes a member out, with their sessions. */
  async remove(tx: Transaction, tenantId: string, userId: string): Promise<void> {
    await changed(tx, 'DELETE FROM sessions WHERE tenant_id = $1 AND user_id = $2', [tenantId, userId]);
    await changed(tx, 'DELETE FROM memberships WHERE tenant_id = $1 AND user_id = $2', [tenantId, userId]);
  }

  async insertInvitation(
    tx: Transaction,
    tenantId: string,
    draft: Omit<InvitationRow, 'createdAt'> & { tokenHash: Buffer },
  ): Promise<void> {
    await changed(
      tx,
      'INSERT INTO invitations (tenant_id, id, role, token_hash, content, invited_by, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7)',
      [tenantId, draft.id, draft.role, draft.tokenHash, draft.content, draft.invitedBy, draft.expiresAt],
    );
  }

  /** Open invitations, newest first, after the invitation `after`. */
  invitations(tx: Transaction, tenantId: string, now: Date, limit: number, after: string | undefined): Promise<InvitationRow[]> {
    return rows<InvitationRow>(
      tx,
      `SELECT ${invitation} FROM invitations WHERE tenant_id = $1 AND expires_at > $2 AND ($4::uuid IS NULL OR id < $4::uuid)
       ORDER BY id DESC LIMIT $3`,
      [tenantId, now, limit, after ?? null],
    );
  }

  /** An open invitation, locked until the end of the transaction. */
  lockInvitation(tx: Transaction, tenantId: string, id: string, now: Date): Promise<InvitationRow | undefined> {
    return row<InvitationRow>(tx, `SELECT ${invitation} FROM invitations WHERE tenant_id = $1 AND id = $2 AND expires_at > $3 FOR UPDATE`, [
      tenantId,
      id,
      now,
    ]);
  }

  /** Ends an invitation; false when there is none (any more). */
  async deleteInvitation(tx: Transaction, tenantId: string, id: string): Promise<boolean> {
    return (await changed(tx, 'DELETE FROM invitations WHERE tenant_id = $1 AND id = $2', [tenantId, id])) > 0;
  }

  /** Which open invitation a token belongs to. Runs as the system role. */
  locate(tx: Transaction, tokenHash: Buffer, now: Date): Promise<{ tenantId: string; id: string } | undefined> {
    return row(tx, 'SELECT tenant_id AS "tenantId", id FROM invitations WHERE token_hash = $1 AND expires_at > $2', [tokenHash, now]);
  }
}
