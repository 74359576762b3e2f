import { Injectable } from '@nestjs/common';
import { KeyRing } from '../../../platform/crypto/index.ts';
import { TenantDatabase } from '../../../platform/database/index.ts';
import { AccountsRepository } from './accounts.repository.ts';
import { emailPlace } from './sign-up.service.ts';

/** Finds whom to write to about a tenant. */
@Injectable()
export class TenantOwners {
  constructor(
    private readonly database: TenantDatabase,
    private readonly accounts: AccountsRepository,
    private readonly keyRing: KeyRing,
  ) {}

  /** Name of the tenant and its owners' addresses, each once. Personal: for a mail alone. Undefined when the tenant is gone. */
  async contact(tenantId: string): Promise<{ tenantName: string; emails: string[] } | undefined> {
    const { tenantName, owners } = await this.database.forTenant(tenantId, async (tx) => ({
      tenantName: await this.accounts.tenantName(tx, tenantId),
      owners: await this.accounts.owners(tx, tenantId),
    }));
    if (tenantName === undefined) return undefined;
    const opened = await this.keyRing.openAll(owners.map(({ id, email }) => ({ place: emailPlace(tenantId, id), sealed: email })));
    return { tenantName, emails: [...new Set(opened.map(String))] };
  }
}
