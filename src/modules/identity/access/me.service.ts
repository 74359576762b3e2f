import { Injectable } from '@nestjs/common';
import { commonErrors } from '../../../kernel/app-error.ts';
import type { Principal } from '../../../kernel/principal.ts';
import { KeyRing } from '../../../platform/crypto/index.ts';
import { TenantDatabase } from '../../../platform/database/index.ts';
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
  ) {}

  /** The caller with the tenant's name and, for a user, their e-mail. */
  async describe(caller: Principal) {
    const { tenantId } = caller;
    const { name, membership } = await this.database.forTenant(tenantId, async (tx) => ({
      name: await this.accounts.tenantName(tx, tenantId),
      membership: caller.kind === 'user' ? await this.accounts.membership(tx, tenantId, caller.userId) : undefined,
    }));
    if (name === undefined) throw commonErrors.unauthenticated();
    const email = membership === undefined ? undefined : await this.keyRing.open(emailPlace(tenantId, membership.id), membership.email);
    return toCallerResponse(caller, name, email?.toString());
  }
}
