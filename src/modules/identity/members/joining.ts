import { Injectable } from '@nestjs/common';
import { currentDate } from '../../../kernel/clock.ts';
import { publicId } from '../../../kernel/ids.ts';
import { auditTrail } from '../../../platform/audit/index.ts';
import { SystemDatabase, TenantDatabase } from '../../../platform/database/index.ts';
import { CreationLimits } from '../creation-limits.ts';
import { identityErrors } from '../identity.errors.ts';
import type { SessionOwner } from '../sessions/sessions.service.ts';
import { AccountsRepository } from '../sign-in/accounts.repository.ts';
import { Invitations } from './invitations.service.ts';
import { InvitedAccounts } from './invited-accounts.ts';
import { MembersRepository } from './members.repository.ts';

/** Makes invited people members. */
@Injectable()
export class Joining {
  constructor(
    private readonly system: SystemDatabase,
    private readonly database: TenantDatabase,
    private readonly members: MembersRepository,
    private readonly accounts: AccountsRepository,
    private readonly invitations: Invitations,
    private readonly creations: CreationLimits,
    private readonly invited: InvitedAccounts,
  ) {}

  /**
   * Accepts an invitation: as a user who has this e-mail and password already, else as a new one. The user comes first: one without
   * a membership is purged after a day. Throws 401 `invitation_invalid`, 409 `already_member`, 403 when the plan has no seat left.
   */
  async accept(token: string, password: string): Promise<SessionOwner> {
    const located = await this.system.run('credential-lookup', (tx) =>
      this.members.locate(tx, this.invited.tokenHash(token), currentDate()),
    );
    const content = located === undefined ? undefined : await this.invitations.open(located.tenantId, located.id);
    if (located === undefined || content === undefined || !Invitations.isTokenOf(content, token)) throw identityErrors.invitationInvalid();
    const { tenantId, id } = located;
    const { userId, email } = await this.invited.accountOf(tenantId, content.email, password);
    return this.database.forTenant(tenantId, async (tx) => {
      const invitation = await this.members.lockInvitation(tx, tenantId, id, currentDate());
      if (invitation === undefined) throw identityErrors.invitationInvalid();
      if ((await this.members.lock(tx, tenantId, userId)) !== undefined) throw identityErrors.alreadyMember();
      await this.creations.take(tx, tenantId, 'seats');
      const { role } = invitation;
      await this.accounts.insertMembership(tx, { tenantId, ...email, userId, role });
      await this.members.deleteInvitation(tx, tenantId, id);
      const object = { kind: 'user', id: userId } as const;
      const detail = { role, invitation: publicId('invitation', id) };
      auditTrail.record(tx, tenantId, { actor: { kind: 'user', id: userId }, action: 'member.join', object, detail });
      return { tenantId, userId, role };
    });
  }
}
