import { Injectable } from '@nestjs/common';
import { commonErrors } from '../../../kernel/app-error.ts';
import type { Principal } from '../../../kernel/principal.ts';
import { KeyedHash } from '../../../platform/crypto/index.ts';
import { Mailer } from '../../../platform/mail/index.ts';
import { AttemptLimits } from '../attempts/attempt-limits.ts';
import { identityErrors } from '../identity.errors.ts';
import { Sessions } from '../sessions/sessions.service.ts';
import { toSessionResponse } from '../sign-in/auth.schemas.ts';
import { normalisedEmail } from '../sign-in/email.ts';
import { EmailVerification } from './email-verification.service.ts';
import { Passwords } from './passwords.service.ts';
import type { AskReset, ChangePassword, ConfirmEmail, ConfirmReset } from './recovery.schemas.ts';

const asked = { object: 'mail_request', sent: true } as const;

/** What the routes of forgotten passwords and unproven mailboxes do. `address` is the client's. */
@Injectable()
export class Recovery {
  constructor(
    private readonly limits: AttemptLimits,
    private readonly hash: KeyedHash,
    private readonly mailer: Mailer,
    private readonly passwords: Passwords,
    private readonly verification: EmailVerification,
    private readonly sessions: Sessions,
  ) {}

  /** Throws 503 where no mail is sent, 429. */
  async askReset({ email }: AskReset, address: string) {
    if (!this.mailer.enabled) throw identityErrors.noMail();
    const emailHash = this.hash.of('email', normalisedEmail(email));
    await this.limits.mail(address, emailHash);
    this.passwords.ask(emailHash);
    return asked;
  }

  /** Throws 401 `recovery_token_invalid`, 429. */
  async confirmReset({ token, password }: ConfirmReset, address: string): Promise<void> {
    await this.limits.signIn(address, this.hash.of('recovery-token', token));
    await this.passwords.confirm(token, password);
  }

  /** A new session: all there were have ended. Throws 401 `invalid_credentials`, 403 for who has no password, 429. */
  async changePassword(caller: Principal, body: ChangePassword, address: string) {
    if (caller.kind !== 'user') throw commonErrors.forbidden();
    await this.limits.signIn(address, this.hash.of('recovery-token', caller.userId));
    await this.passwords.replace(caller, body.current_password, body.new_password);
    const { tenantId, userId, role, assurance } = caller;
    const amr = assurance?.strong === true ? ['pwd', 'mfa'] : ['pwd'];
    return toSessionResponse(await this.sessions.open({ tenantId, userId, role }, { amr }));
  }

  /** Throws 503 where no mail is sent, 403 for who has no e-mail, 429. */
  async askVerification(caller: Principal, address: string) {
    if (caller.kind !== 'user') throw commonErrors.forbidden();
    if (!this.mailer.enabled) throw identityErrors.noMail();
    await this.limits.mail(address, this.hash.of('recovery-token', caller.userId));
    await this.verification.ask(caller.tenantId, caller.userId);
    return asked;
  }

  /** Throws 401 `recovery_token_invalid`, 429. */
  async confirmEmail({ token }: ConfirmEmail, address: string): Promise<void> {
    await this.limits.signIn(address, this.hash.of('recovery-token', token));
    await this.verification.confirm(token);
  }
}
