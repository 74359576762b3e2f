import { Injectable } from '@nestjs/common';
import { newUuid } from '../../../kernel/ids.ts';
import { auditTrail } from '../../../platform/audit/index.ts';
import { SystemDatabase, TenantDatabase } from '../../../platform/database/index.ts';
import { Outbox } from '../../../platform/events/index.ts';
import { Mailer } from '../../../platform/mail/index.ts';
import { identityErrors } from '../identity.errors.ts';
import { accountMailAsked } from './recovery.events.ts';
import { RecoveryRepository } from './recovery.repository.ts';
import { RecoveryTokens } from './recovery-token.ts';

/** Whether the mailbox of an account is its user's. */
@Injectable()
export class EmailVerification {
  constructor(
    private readonly system: SystemDatabase,
    private readonly database: TenantDatabase,
    private readonly repository: RecoveryRepository,
    private readonly tokens: RecoveryTokens,
    private readonly outbox: Outbox,
    private readonly mailer: Mailer,
  ) {}

  /** Has a mail sent with which a user proves their mailbox; nothing where no mail is sent at all, or it is proven. */
  async ask(tenantId: string, userId: string): Promise<void> {
    if (!this.mailer.enabled || (await this.isVerified(userId))) return;
    await this.database.forTenant(tenantId, (tx) =>
      this.outbox.publish(tx, accountMailAsked, { tenantId, userId, mailId: newUuid(), about: 'verify' }),
    );
  }

  /** Whether a user has proven their mailbox. */
  async isVerified(userId: string): Promise<boolean> {
    const user = await this.system.run('sign-in', (tx) => this.repository.user(tx, userId));
    return user?.emailVerified === true;
  }

  /** Takes the token of a mail; one that comes again does no harm. Throws 401 `recovery_token_invalid`. */
  async confirm(token: string): Promise<void> {
    const userId = this.tokens.claimed('verify', token);
    const tenants = await this.system.run('sign-in', async (tx) => {
      const user = userId === undefined ? undefined : await this.repository.user(tx, userId);
      if (userId === undefined || user === undefined || !this.tokens.isFor('verify', token, user)) return undefined;
      if (user.emailVerified) return [];
      await this.repository.setVerified(tx, userId);
      return this.repository.tenantsOf(tx, userId);
    });
    if (tenants === undefined || userId === undefined) throw identityErrors.recoveryTokenInvalid();
    for (const tenantId of tenants)
      await this.database.forTenant(tenantId, async (tx) => {
        const object = { kind: 'user', id: userId } as const;
        auditTrail.record(tx, tenantId, { actor: object, action: 'email.verify', object });
      });
  }
}
