import { Injectable } from '@nestjs/common';
import { commonErrors } from '../../../kernel/app-error.ts';
import { KeyRing } from '../../../platform/crypto/index.ts';
import { TenantDatabase } from '../../../platform/database/index.ts';
import { AccountsRepository } from '../sign-in/accounts.repository.ts';
import { emailPlace } from '../sign-in/sign-up.service.ts';
import type { FactorOwner } from './factors.repository.ts';

/** What members' e-mails are: by them apps and devices show which account a factor is of. */
@Injectable()
export class MemberAddresses {
  constructor(
    private readonly database: TenantDatabase,
    private readonly accounts: AccountsRepository,
    private readonly keyRing: KeyRing,
  ) {}

  /** A member's e-mail. Throws 401 when they have left. */
  async of({ tenantId, userId }: FactorOwner): Promise<string> {
    const membership = await this.database.forTenant(tenantId, (tx) => this.accounts.membership(tx, tenantId, userId));
    if (membership === undefined) throw commonErrors.unauthenticated();
    return (await this.keyRing.open(emailPlace(tenantId, membership.id), membership.email)).toString();
  }
}
