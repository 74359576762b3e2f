import { Injectable } from '@nestjs/common';
import { publicId, uuidOf } from '../../../kernel/ids.ts';
import { type Role, roles } from '../../../kernel/permissions.ts';
import type { Principal } from '../../../kernel/principal.ts';
import { actorOf, auditTrail } from '../../../platform/audit/index.ts';
import { CannotDecrypt, KeyRing } from '../../../platform/crypto/index.ts';
import { row, TenantDatabase, type Transaction } from '../../../platform/database/index.ts';
import { type PageQuery, toPage } from '../../../platform/http/index.ts';
import { CredentialChanges } from '../access/credential-changes.ts';
import { identityErrors } from '../identity.errors.ts';
import { SecondFactors } from '../second-factor/second-factors.service.ts';
import { SignedIn } from '../sessions/signed-in.service.ts';
import { emailPlace } from '../sign-in/sign-up.service.ts';
import type { UpdateMember } from './members.schemas.ts';
import { type MemberRow, MembersRepository } from './members.repository.ts';

/** The people of a tenant, and what they may do. */
@Injectable()
export class Members {
  constructor(
    private readonly database: TenantDatabase,
    private readonly repository: MembersRepository,
    private readonly keyRing: KeyRing,
    private readonly changes: CredentialChanges,
    private readonly signedIn: SignedIn,
    private readonly factors: SecondFactors,
  ) {}

  /** A page of members, newest user first. */
  async list({ tenantId }: Principal, query: PageQuery) {
    const after = query.after === undefined ? undefined : userUuid(query.after);
    const found = await this.database.forTenant(tenantId, (tx) => this.repository.page(tx, tenantId, query.limit + 1, after));
    const shown = await Promise.all(found.map((member) => this.present(tenantId, member)));
    return toPage(shown, query.limit, (member) => member);
  }

  /**
   * Gives a member another role; their access tokens and sockets end within five seconds, and their next refresh has the new one. To hand a
   * tenant over, make somebody else an owner and step down. Throws 404, 403 beyond one's own role, 409 `last_owner`.
   */
  async update(caller: Principal, id: string, { role }: UpdateMember) {
    const { tenantId } = caller;
    const userId = userUuid(id);
    const member = await this.database.forTenant(tenantId, async (tx) => {
      const owners = await this.repository.owners(tx, tenantId);
      const found = await this.locked(tx, tenantId, userId);
      requireRank(caller, found.role, role);
      if (found.role === 'owner' && role !== 'owner' && owners.length === 1) throw identityErrors.lastOwner();
      if (found.role === role) return found;
      await this.repository.setRole(tx, tenantId, userId, role);
      const detail = { from: found.role, to: role };
      auditTrail.record(tx, tenantId, { actor: actorOf(caller), action: 'member.update', object: { kind: 'user', id: userId }, detail });
      return { ...found, role };
    });
    this.changes.announce(tenantId);
    return this.present(tenantId, member);
  }

  /** Takes a member out, or oneself (to leave): sessions, tokens and sockets end within five seconds. Throws 404, 403, 409 `last_owner`. */
  async remove(caller: Principal, id: string): Promise<void> {
    const { tenantId } = caller;
    const userId = userUuid(id);
    const leaving = caller.kind === 'user' && caller.userId === userId;
    if (!leaving && !caller.permissions.has('member.manage')) throw identityErrors.rankTooLow();
    await this.database.forTenant(tenantId, async (tx) => {
      const owners = await this.repository.owners(tx, tenantId);
      const found = await this.locked(tx, tenantId, userId);
      if (!leaving) requireRank(caller, found.role, found.role);
      if (found.role === 'owner' && owners.length === 1) throw identityErrors.lastOwner();
      await this.repository.remove(tx, tenantId, userId);
      const detail = { role: found.role, left: leaving };
      auditTrail.record(tx, tenantId, { actor: actorOf(caller), action: 'member.remove', object: { kind: 'user', id: userId }, detail });
    });
    this.changes.announce(tenantId);
  }

  /** Ends all sessions of a member. Throws 404, 403 beyond one's own role. */
  async signOut(caller: Principal, id: string) {
    const { tenantId } = caller;
    const userId = userUuid(id);
    const { role } = await this.database.forTenant(tenantId, (tx) => this.locked(tx, tenantId, userId));
    requireRank(caller, role);
    return { object: 'revoked_sessions' as const, count: (await this.signedIn.end(caller, userId)).length };
  }

  /** Takes away the second factors of a member, and ends their sessions. Throws 404, 403 beyond one's own role. */
  async resetFactors(caller: Principal, id: string): Promise<void> {
    const { tenantId } = caller;
    const userId = userUuid(id);
    const { role } = await this.database.forTenant(tenantId, (tx) => this.locked(tx, tenantId, userId));
    requireRank(caller, role);
    await this.factors.reset(caller, userId);
    await this.signedIn.end(caller, userId);
  }

  /** Whether a user (a UUID) is a member of the tenant. */
  has(tenantId: string, userId: string): Promise<boolean> {
    const sql = 'SELECT 1 FROM memberships WHERE tenant_id = $1 AND user_id = $2';
    return this.database.forTenant(tenantId, async (tx) => (await row(tx, sql, [tenantId, userId])) !== undefined);
  }

  /** Whether a tenant would be without an owner if this user left. Its owners stay locked until the end of the transaction. */
  async isLastOwner(tx: Transaction, tenantId: string, userId: string): Promise<boolean> {
    const owners = await this.repository.owners(tx, tenantId);
    return owners.length === 1 && owners[0] === userId;
  }

  private async locked(tx: Transaction, tenantId: string, userId: string): Promise<MemberRow> {
    const found = await this.repository.lock(tx, tenantId, userId);
    if (found === undefined) throw identityErrors.memberNotFound();
    return found;
  }

  private async present(tenantId: string, { id, userId, role, email, createdAt }: MemberRow) {
    const opened = await this.keyRing.open(emailPlace(tenantId, id), email).catch((error: unknown) => {
      if (error instanceof CannotDecrypt) return null;
      throw error;
    });
    return {
      object: 'member' as const,
      id: publicId('user', userId),
      email: opened?.toString() ?? null,
      role,
      created_at: createdAt.toISOString(),
    };
  }
}

/** Throws 403 unless the caller stands at least as high as each of the roles. A key is nobody's owner: it reaches up to admins. */
export function requireRank(caller: Principal, ...touched: Role[]): void {
  const own = caller.kind === 'user' ? caller.role : 'admin';
  if (touched.some((role) => roles.indexOf(role) < roles.indexOf(own))) throw identityErrors.rankTooLow();
}

function userUuid(id: string): string {
  const uuid = uuidOf('user', id);
  if (uuid === undefined) throw identityErrors.memberNotFound();
  return uuid;
}
