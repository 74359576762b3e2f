import { timingSafeEqual } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import { newUuid } from '../../../kernel/ids.ts';
import type { Principal } from '../../../kernel/principal.ts';
import { auditTrail } from '../../../platform/audit/index.ts';
import { SystemDatabase, TenantDatabase } from '../../../platform/database/index.ts';
import { Outbox } from '../../../platform/events/index.ts';
import { safeError } from '../../../platform/telemetry/index.ts';
import { CredentialChanges } from '../access/credential-changes.ts';
import { identityErrors } from '../identity.errors.ts';
import { PasswordHasher } from '../sign-in/password-hasher.ts';
import { accountMailAsked } from './recovery.events.ts';
import { type RecoverableUser, RecoveryRepository } from './recovery.repository.ts';
import { RecoveryTokens } from './recovery-token.ts';

/** Accounts of one e-mail that are written to at once. Each mail names its tenant. */
const maxAccounts = 5;

/** How passwords change: by a mail, or by who knows the old one. Either way every session of the account ends, everywhere. */
@Injectable()
export class Passwords {
  private readonly logger = new Logger(Passwords.name);

  constructor(
    private readonly system: SystemDatabase,
    private readonly database: TenantDatabase,
    private readonly repository: RecoveryRepository,
    private readonly tokens: RecoveryTokens,
    private readonly hasher: PasswordHasher,
    private readonly outbox: Outbox,
    private readonly changes: CredentialChanges,
  ) {}

  /** Has a mail sent to each account of an e-mail. Returns at once: neither answer nor time tells whether there is one. */
  ask(emailHash: Buffer): void {
    this.askAll(emailHash).catch((error: unknown) =>
      this.logger.warn({ error: safeError(error) }, 'a mail to reset a password could not be asked for'),
    );
  }

  /** Sets a new password by the token of a mail. Throws 401 `recovery_token_invalid`. */
  async confirm(token: string, password: string): Promise<void> {
    const userId = this.tokens.claimed('reset', token);
    const user = userId === undefined ? undefined : await this.user(userId);
    if (user === undefined || !this.tokens.isFor('reset', token, user)) throw identityErrors.recoveryTokenInvalid();
    if (!(await this.change(user, password, true))) throw identityErrors.recoveryTokenInvalid();
  }

  /** Sets a new password for a member who knows theirs. Throws 401 `invalid_credentials`. */
  async replace({ userId }: Extract<Principal, { kind: 'user' }>, current: string, password: string): Promise<void> {
    const user = await this.user(userId);
    if (user === undefined) throw identityErrors.invalidCredentials();
    const hash = await this.hasher.hash(user.emailHash, current);
    if (!timingSafeEqual(hash, user.passwordHash)) throw identityErrors.invalidCredentials();
    if (!(await this.change(user, password, false))) throw identityErrors.invalidCredentials();
  }

  private user(userId: string): Promise<RecoverableUser | undefined> {
    return this.system.run('sign-in', (tx) => this.repository.user(tx, userId));
  }

  private async askAll(emailHash: Buffer): Promise<void> {
    const accounts = await this.system.run('sign-in', (tx) => this.repository.accounts(tx, emailHash, maxAccounts));
    for (const { tenantId, userId } of accounts)
      await this.database.forTenant(tenantId, async (tx) => {
        await this.outbox.publish(tx, accountMailAsked, { tenantId, userId, mailId: newUuid(), about: 'reset' });
        const object = { kind: 'user', id: userId } as const;
        auditTrail.record(tx, tenantId, { actor: { kind: 'anonymous' }, action: 'password.reset_ask', object });
      });
  }

  /**
   * The password first: from then on no session from before is refreshed or passes a check, even if this process dies before it has
   * ended them one by one.
   */
  private async change(user: RecoverableUser, password: string, byMail: boolean): Promise<boolean> {
    const { userId } = user;
    const passwordHash = await this.hasher.hash(user.emailHash, password);
    const tenants = await this.system.run('sign-in', async (tx) => {
      const won = await this.repository.setPassword(tx, user, passwordHash, byMail);
      return won ? this.repository.tenantsOf(tx, userId) : undefined;
    });
    if (tenants === undefined) return false;
    for (const [at, tenantId] of tenants.entries()) {
      await this.database.forTenant(tenantId, async (tx) => {
        await this.repository.endSessions(tx, tenantId, userId);
        if (at === 0) await this.outbox.publish(tx, accountMailAsked, { tenantId, userId, mailId: newUuid(), about: 'password_changed' });
        const [actor, object] = [{ kind: 'user', id: userId } as const, { kind: 'user', id: userId } as const];
        auditTrail.record(tx, tenantId, { actor, action: 'password.change', object, detail: { by_mail: byMail } });
      });
      this.changes.announce(tenantId);
    }
    return true;
  }
}
