import { Injectable } from '@nestjs/common';
import { commonErrors } from '../../../kernel/app-error.ts';
import type { Principal } from '../../../kernel/principal.ts';
import { KeyRing } from '../../../platform/crypto/index.ts';
import { TenantDatabase } from '../../../platform/database/index.ts';
import { EmailVerification } from '../recovery/email-verification.service.ts';
import { AccountsRepository } from '../sign-in/accounts.repository.ts';
import { emailPlace } from '../sign-in/sign-up.service.ts';
import { toCallerResponse } from './me.schemas.ts';

/** Tells callers who they are. */
@Injectable()
export class Me {
  constructor(
    private readonly database: TenantDatabase,
    private readonly accounts: AccountsRepository,
    private readonly keyRing: KeyRing,
    private readonly verification: EmailVerification,
  ) {}

  /** The caller with the tenant's name and, for a user, their e-mail. */
  async describe(caller: Principal) {
    const { tenantId } = caller;
    const { name, membership } = await this.database.forTenant(tenantId, async (tx) => ({
      name: await this.accounts.tenantName(tx, tenantId),
      membership: caller.kind === 'user' ? await this.accounts.membership(tx, tenantId, caller.userId) : undefined,
    }));
    if (name === undefined) throw commonErrors.unauthenticated();
    if (membership === undefined || caller.kind !== 'user') return toCallerResponse(caller, name);
    const [email, verified] = await Promise.all([
      this.keyRing.open(emailPlace(tenantId, membership.id), membership.email),
      this.verification.isVerified(caller.userId),
    ]);
    return toCallerResponse(caller, name, { email: email.toString(), verified });
  }
}
