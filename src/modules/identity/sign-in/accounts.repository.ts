import { Injectable } from '@nestjs/common';
import type { Role } from '../../../kernel/permissions.ts';
import { changed, row, rows, type Transaction } from '../../../platform/database/index.ts';

/** One user in one tenant, as a candidate for a sign-in. */
export interface AccountCandidate {
  userId: string;
  tenantId: string;
  role: Role;
  passwordHash: Buffer;
}

/** Bytes of the password hash that the database compares; see `candidates`. */
const prefixLength = 2;
/** Candidates at most. With the prefix, more than a few need as many accounts with the very same password. */
const maxCandidates = 1_000;

/** Users, tenants and memberships in the database. */
@Injectable()
export class AccountsRepository {
  /** Stores a user. Runs as the system role, since users belong to no tenant. */
  async insertUser(tx: Transaction, user: { id: string; emailHash: Buffer; passwordHash: Buffer }): Promise<void> {
    await changed(tx, 'INSERT INTO users (id, email_hash, password_hash) VALUES ($1, $2, $3)', [
      user.id,
      user.emailHash,
      user.passwordHash,
    ]);
  }

  /** The same, where there is no such user yet. */
  async insertUserUnlessThere(tx: Transaction, user: { id: string; emailHash: Buffer; passwordHash: Buffer }): Promise<void> {
    await changed(tx, 'INSERT INTO users (id, email_hash, password_hash) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING', [
      user.id,
      user.emailHash,
      user.passwordHash,
    ]);
  }

  /** Stores a tenant; the transaction must be that tenant's. */
  async insertTenant(tx: Transaction, tenant: { id: string; name: string }): Promise<void> {
    await changed(tx, 'INSERT INTO tenants (id, name) VALUES ($1, $2)', [tenant.id, tenant.name]);
  }

  /** Stores a membership; `email` is ciphertext. */
  async insertMembership(
    tx: Transaction,
    membership: { tenantId: string; id: string; userId: string; role: Role; email: Buffer },
  ): Promise<void> {
    await changed(tx, 'INSERT INTO memberships (tenant_id, id, user_id, role, email) VALUES ($1, $2, $3, $4, $5)', [
      membership.tenantId,
      membership.id,
      membership.userId,
      membership.role,
      membership.email,
    ]);
  }

  /**
   * Accounts of an e-mail that could have this password, newest first: enabled users in active tenants (in `tenantId` alone
   * when given). Runs as the system role. The database compares only the first two bytes of the hash, so that thousands of
   * accounts that somebody else made under the e-mail neither have to be read nor push the owner's out; whoever calls
   * compares the whole in constant time.
   */
  candidates(tx: Transaction, emailHash: Buffer, passwordHash: Buffer, tenantId: string | undefined): Promise<AccountCandidate[]> {
    return rows<AccountCandidate>(
      tx,
      `SELECT u.id AS "userId", m.tenant_id AS "tenantId", m.role, u.password_hash AS "passwordHash"
         FROM users u
         JOIN memberships m ON m.user_id = u.id
         JOIN tenants t ON t.id = m.tenant_id
        WHERE u.email_hash = $1 AND substring(u.password_hash FROM 1 FOR ${prefixLength}) = $2 AND u.disabled_at IS NULL
          AND t.status = 'active' AND ($3::uuid IS NULL OR t.id = $3)
        ORDER BY u.id DESC, m.created_at DESC LIMIT ${maxCandidates}`,
      [emailHash, passwordHash.subarray(0, prefixLength), tenantId ?? null],
    );
  }

  /** Newest accounts of an e-mail, at most three, in `tenantId` alone when given: to say there that somebody failed to sign in. Runs as the system role. */
  accountsOf(tx: Transaction, emailHash: Buffer, tenantId: string | undefined): Promise<{ tenantId: string; userId: string }[]> {
    return rows(
      tx,
      `SELECT m.tenant_id AS "tenantId", u.id AS "userId" FROM users u JOIN memberships m ON m.user_id = u.id
        WHERE u.email_hash = $1 AND ($2::uuid IS NULL OR m.tenant_id = $2) ORDER BY u.id DESC LIMIT 3`,
      [emailHash, tenantId ?? null],
    );
  }

  /** A tenant's name. */
  async tenantName(tx: Transaction, tenantId: string): Promise<string | undefined> {
    return (await row<{ name: string }>(tx, 'SELECT name FROM tenants WHERE id = $1', [tenantId]))?.name;
  }

  /** How many members the tenant has. */
  async countMemberships(tx: Transaction, tenantId: string): Promise<number> {
    const counted = await row<{ count: number }>(tx, 'SELECT count(*)::int AS count FROM memberships WHERE tenant_id = $1', [tenantId]);
    return counted?.count ?? 0;
  }

  /** The tenant's owners; `email` is ciphertext. */
  owners(tx: Transaction, tenantId: string): Promise<{ id: string; email: Buffer }[]> {
    return rows(tx, `SELECT id, email FROM memberships WHERE tenant_id = $1 AND role = 'owner' ORDER BY created_at, id`, [tenantId]);
  }

  /** A user's membership in the tenant; `email` is ciphertext. */
  membership(tx: Transaction, tenantId: string, userId: string): Promise<{ id: string; email: Buffer } | undefined> {
    return row(tx, 'SELECT id, email FROM memberships WHERE tenant_id = $1 AND user_id = $2', [tenantId, userId]);
  }
}
