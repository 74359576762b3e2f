import { Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { CannotDecrypt, KeyRing } from '../../../platform/crypto/index.ts';
import { SystemDatabase, TenantDatabase } from '../../../platform/database/index.ts';
import { onEvent } from '../../../platform/events/index.ts';
import { MailRefused, Mailer } from '../../../platform/mail/index.ts';
import { GiveUp, Handles, type JobHandler } from '../../../platform/queue/index.ts';
import { AccountsRepository } from '../sign-in/accounts.repository.ts';
import { emailPlace } from '../sign-in/sign-up.service.ts';
import { AccountMails } from './account-mails.ts';
import { accountMailAsked } from './recovery.events.ts';
import { RecoveryRepository } from './recovery.repository.ts';

/** Writes to a member about their account. */
export const mailAccount = onEvent(accountMailAsked, 'mail-account');

/** One mail, to the address that the member's tenant holds; none when they have left meanwhile. After a crash it may come twice. */
@Injectable()
@Handles(mailAccount)
export class MailAccount implements JobHandler<z.output<typeof mailAccount.payload>> {
  constructor(
    private readonly system: SystemDatabase,
    private readonly database: TenantDatabase,
    private readonly accounts: AccountsRepository,
    private readonly recovery: RecoveryRepository,
    private readonly keyRing: KeyRing,
    private readonly mails: AccountMails,
    private readonly mailer: Mailer,
  ) {}

  async handle({ tenantId, userId, mailId, about }: z.output<typeof mailAccount.payload>): Promise<void> {
    const user = await this.system.run('sign-in', (tx) => this.recovery.user(tx, userId));
    const { name, membership } = await this.database.forTenant(tenantId, async (tx) => ({
      name: await this.accounts.tenantName(tx, tenantId),
      membership: await this.accounts.membership(tx, tenantId, userId),
    }));
    if (!this.mailer.enabled || user === undefined || name === undefined || membership === undefined) return;
    try {
      const to = (await this.keyRing.open(emailPlace(tenantId, membership.id), membership.email)).toString();
      await this.mailer.send({ id: `account-${mailId}`, to: [to], ...this.mails.about(about, user, name) });
    } catch (error) {
      if (error instanceof MailRefused) throw new GiveUp();
      // Erased meanwhile.
      if (!(error instanceof CannotDecrypt)) throw error;
    }
  }
}
