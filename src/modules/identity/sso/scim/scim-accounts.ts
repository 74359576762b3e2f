import { Injectable } from '@nestjs/common';
import { newSecret, newUuid } from '../../../../kernel/ids.ts';
import type { Principal } from '../../../../kernel/principal.ts';
import { actorOf, auditTrail } from '../../../../platform/audit/index.ts';
import { KeyedHash, KeyRing, seal } from '../../../../platform/crypto/index.ts';
import { SystemDatabase, type Transaction } from '../../../../platform/database/index.ts';
import { CreationLimits } from '../../creation-limits.ts';
import { MembersRepository } from '../../members/members.repository.ts';
import { AccountsRepository } from '../../sign-in/accounts.repository.ts';
import { emailPlace } from '../../sign-in/sign-up.service.ts';
import { LinkedIdentitiesRepository } from '../linked-identities.repository.ts';
import { scimErrors } from './scim.errors.ts';

/** A membership that can be made within a transaction. */
export interface MembershipDraft {
  id: string;
  /** Sealed. */
  email: Buffer;
}

/** The accounts behind the people of a directory: members of this tenant, never of another one. */
@Injectable()
export class ScimAccounts {
  constructor(
    private readonly system: SystemDatabase,
    private readonly accounts: AccountsRepository,
    private readonly members: MembersRepository,
    private readonly links: LinkedIdentitiesRepository,
    private readonly creations: CreationLimits,
    private readonly hash: KeyedHash,
    private readonly keyRing: KeyRing,
  ) {}

  /** Who that is: the member with this e-mail, else somebody new. Throws 409 where several members have it. */
  async find(tenantId: string, email: string): Promise<{ userId: string; made: boolean }> {
    const found = await this.system.run('sign-in', (tx) => this.links.membersOf(tx, tenantId, this.hash.of('email', email)));
    const [member] = found;
    if (found.length > 1) throw scimErrors.taken('e-mail');
    return member === undefined ? { userId: newUuid(), made: true } : { userId: member.userId, made: false };
  }

  /** Makes sure that there is such a user, with a password that nobody has; gives the membership that can be made for them. */
  async prepare(tenantId: string, userId: string, email: string): Promise<MembershipDraft> {
    const passwordHash = Buffer.from(newSecret(32), 'base64url');
    const user = { id: userId, emailHash: this.hash.of('email', email), passwordHash };
    await this.system.run('sign-up', (tx) => this.accounts.insertUserUnlessThere(tx, user));
    const id = newUuid();
    return { id, email: seal(await this.keyRing.visitorKey(tenantId, userId), emailPlace(tenantId, id), email) };
  }

  /** Makes somebody a member who is none. Throws 403 when the plan has no seat left. */
  async letIn(tx: Transaction, caller: Principal, userId: string, draft: MembershipDraft): Promise<void> {
    const { tenantId } = caller;
    if ((await this.members.lock(tx, tenantId, userId)) !== undefined) return;
    await this.creations.take(tx, tenantId, 'seats');
    await this.accounts.insertMembership(tx, { tenantId, ...draft, userId, role: 'viewer' });
    const detail = { role: 'viewer', scim: true };
    auditTrail.record(tx, tenantId, { actor: actorOf(caller), action: 'member.join', object: { kind: 'user', id: userId }, detail });
  }

  /** Takes somebody out, with their sessions and links. Throws 409 for the last owner. */
  async shutOut(tx: Transaction, caller: Principal, userId: string): Promise<void> {
    const { tenantId } = caller;
    const owners = await this.members.owners(tx, tenantId);
    const member = await this.members.lock(tx, tenantId, userId);
    if (member === undefined) return;
    if (member.role === 'owner' && owners.length === 1) throw scimErrors.lastOwner();
    await this.members.remove(tx, tenantId, userId);
    const detail = { role: member.role, scim: true };
    auditTrail.record(tx, tenantId, { actor: actorOf(caller), action: 'member.remove', object: { kind: 'user', id: userId }, detail });
  }
}
