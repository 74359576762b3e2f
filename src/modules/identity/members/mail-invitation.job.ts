import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { TenantDatabase } from '../../../platform/database/index.ts';
import { onEvent } from '../../../platform/events/index.ts';
import { type HttpConfig, httpConfig, publicUrlOf } from '../../../platform/http/index.ts';
import { MailRefused, Mailer } from '../../../platform/mail/index.ts';
import { GiveUp, Handles, type JobHandler } from '../../../platform/queue/index.ts';
import { AccountsRepository } from '../sign-in/accounts.repository.ts';
import { memberInvited } from './invitations.events.ts';
import { Invitations } from './invitations.service.ts';

/** Mails an invitation to whoever it is for. */
export const mailInvitation = onEvent(memberInvited, 'mail-invitation');

/** One mail. After a crash it may come twice, under the same message id. */
@Injectable()
@Handles(mailInvitation)
export class MailInvitation implements JobHandler<z.output<typeof mailInvitation.payload>> {
  constructor(
    private readonly mailer: Mailer,
    private readonly invitations: Invitations,
    private readonly database: TenantDatabase,
    private readonly accounts: AccountsRepository,
    @Inject(httpConfig.token) private readonly http: HttpConfig,
  ) {}

  async handle({ tenantId, invitationId }: { tenantId: string; invitationId: string }): Promise<void> {
    const content = await this.invitations.open(tenantId, invitationId);
    const name = await this.database.forTenant(tenantId, (tx) => this.accounts.tenantName(tx, tenantId));
    if (!this.mailer.enabled || content === undefined || name === undefined) return;
    try {
      await this.mailer.send({
        id: `invitation-${invitationId}`,
        to: [content.email],
        subject: `You are invited to ${name.replaceAll(/[\r\n]+/g, ' ')}`,
        // After the `#`, so that the token gets into no server's log.
        text: `Somebody of ${name} invites you to work with them. To accept, open within seven days:\n\n${publicUrlOf(this.http)}/account/invitation#token=${content.token}\n\nIf you did not expect this, ignore it: nothing happens then.\n`,
      });
    } catch (error) {
      if (error instanceof MailRefused) throw new GiveUp();
      throw error;
    }
  }
}
