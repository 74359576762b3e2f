import { Injectable } from '@nestjs/common';
import { newSecret, newUuid } from '../../../kernel/ids.ts';
import type { Role } from '../../../kernel/permissions.ts';
import { auditTrail } from '../../../platform/audit/index.ts';
import { KeyedHash, KeyRing, seal } from '../../../platform/crypto/index.ts';
import { SystemDatabase, TenantDatabase, type Transaction } from '../../../platform/database/index.ts';
import { CreationLimits } from '../creation-limits.ts';
import { AccountsRepository } from '../sign-in/accounts.repository.ts';
import { emailPlace } from '../sign-in/sign-up.service.ts';
import { LinkedIdentitiesRepository } from './linked-identities.repository.ts';
import type { ProviderRow } from './providers/identity-providers.repository.ts';
import type { EnabledProvider } from './providers/offered-providers.ts';
import { type AssertedIdentity, domainOf } from './sign-on/asserted-identity.ts';
import type { Arrival } from './sign-on/sign-on-flows.ts';
import { SignOnFailed } from './sso.errors.ts';

/** Whose account it is that a provider speaks of. A provider of one tenant finds, links and makes members of that tenant and of no other. */
@Injectable()
export class SsoAccounts {
  constructor(
    private readonly system: SystemDatabase,
    private readonly database: TenantDatabase,
    private readonly links: LinkedIdentitiesRepository,
    private readonly accounts: AccountsRepository,
    private readonly creations: CreationLimits,
    private readonly hash: KeyedHash,
    private readonly keyRing: KeyRing,
  ) {}

  /**
   * The member who is linked; else somebody who has to prove that they are the member with that e-mail, unless the tenant's own directory speaks of
   * a proven domain of the tenant; else a new member, where the provider's settings let them join. Throws SignOnFailed.
   */
  async resolve(tenantId: string, provider: EnabledProvider, asserted: AssertedIdentity): Promise<Arrival['outcome']> {
    const subjectHash = this.subjectHash(tenantId, provider.id, asserted.subject);
    const linked = await this.database.forTenant(tenantId, (tx) => this.links.use(tx, tenantId, provider.id, subjectHash));
    if (linked !== undefined) return { kind: 'member', userId: linked };
    const { email, subject } = asserted;
    const authoritative = email !== undefined && provider.authoritative && provider.provenDomains.includes(domainOf(email));
    // Whether there is such a member is said to nobody but the owner of the mailbox.
    if (email === undefined || !(asserted.emailVerified || authoritative)) throw new SignOnFailed('email_unverified');
    const members = await this.system.run('sign-in', (tx) => this.links.membersOf(tx, tenantId, this.hash.of('email', email)));
    const [member] = members;
    // An account that the directory has made is whose mailbox it is. Who is a member elsewhere, or an owner, is nobody's but their own: whoever runs the directory does not become them.
    const trusted = authoritative || member?.made === true;
    if (trusted && member !== undefined && members.length === 1 && member.onlyHere && member.role !== 'owner') {
      await this.link(tenantId, provider, subject, member.userId);
      return { kind: 'member', userId: member.userId };
    }
    if (member !== undefined) return { kind: 'proof', email, subject };
    return { kind: 'member', userId: await this.join(tenantId, provider, email, subjectHash) };
  }

  /** Links an account at a provider to a member who has proven who they are. Throws SignOnFailed where it is linked to somebody else. */
  async link(tenantId: string, provider: ProviderRow, subject: string, userId: string): Promise<void> {
    const subjectHash = this.subjectHash(tenantId, provider.id, subject);
    await this.database.forTenant(tenantId, async (tx) => {
      if (await this.insertLink(tx, tenantId, { providerId: provider.id, subjectHash, userId })) return;
      if ((await this.links.use(tx, tenantId, provider.id, subjectHash)) !== userId) throw new SignOnFailed('link_refused');
    });
  }

  /** Whether an e-mail is that of a member. */
  async isEmailOf(tenantId: string, userId: string, email: string): Promise<boolean> {
    const members = await this.system.run('sign-in', (tx) => this.links.membersOf(tx, tenantId, this.hash.of('email', email)));
    return members.some((member) => member.userId === userId);
  }

  /** The role of a member who may come in right now. */
  roleOf(tenantId: string, userId: string): Promise<Role | undefined> {
    return this.system.run('sign-in', (tx) => this.links.roleOf(tx, tenantId, userId));
  }

  private async join(tenantId: string, provider: EnabledProvider, email: string, subjectHash: Buffer) {
    const { id: providerId, joinRole: role, joinDomains, provenDomains } = provider;
    if (role === null || ![...joinDomains, ...provenDomains].includes(domainOf(email))) throw new SignOnFailed('not_a_member');
    const [userId, id] = [newUuid(), newUuid()];
    // No password has this hash: it is no hash of one.
    const passwordHash = Buffer.from(newSecret(32), 'base64url');
    const user = { id: userId, emailHash: this.hash.of('email', email), passwordHash };
    // First, since one without a membership is purged after a day.
    await this.system.run('sign-up', (tx) => this.accounts.insertUser(tx, user));
    const sealed = seal(await this.keyRing.visitorKey(tenantId, userId), emailPlace(tenantId, id), email);
    return this.database.forTenant(tenantId, async (tx) => {
      // Whom the directory has put out does not come in again by the door beside.
      if (await this.links.isSwitchedOff(tx, tenantId, user.emailHash)) throw new SignOnFailed('not_a_member');
      await this.creations.take(tx, tenantId, 'seats');
      await this.accounts.insertMembership(tx, { tenantId, id, userId, role, email: sealed });
      // Two first sign-ins at once: one of them begins again, and is linked then.
      if (!(await this.insertLink(tx, tenantId, { providerId, subjectHash, userId }))) throw new SignOnFailed('failed');
      const object = { kind: 'user', id: userId } as const;
      auditTrail.record(tx, tenantId, { actor: object, action: 'member.join', object, detail: { role, single_sign_on: true } });
      return userId;
    });
  }

  private async insertLink(
    tx: Transaction,
    tenantId: string,
    link: { providerId: string; subjectHash: Buffer; userId: string },
  ): Promise<boolean> {
    const inserted = await this.links.insert(tx, tenantId, { id: newUuid(), ...link });
    const object = { kind: 'identity_provider', id: link.providerId } as const;
    if (inserted) auditTrail.record(tx, tenantId, { actor: { kind: 'user', id: link.userId }, action: 'identity.link', object });
    return inserted;
  }

  private subjectHash(tenantId: string, providerId: string, subject: string): Buffer {
    return this.hash.of('identity-subject', tenantId, providerId, subject);
  }
}
