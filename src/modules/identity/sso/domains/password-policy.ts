import { Injectable } from '@nestjs/common';
import type { Role } from '../../../../kernel/permissions.ts';
import { SystemDatabase } from '../../../../platform/database/index.ts';
import { ssoErrors } from '../sso.errors.ts';
import { domainOf } from '../sign-on/asserted-identity.ts';
import { DomainsRepository } from './domains.repository.ts';

/** Says where a password is enough to sign in. */
@Injectable()
export class PasswordPolicy {
  constructor(
    private readonly system: SystemDatabase,
    private readonly repository: DomainsRepository,
  ) {}

  /**
   * Those of `matches` that may come in with a password: not the ones in tenants that have their people of this domain sign in by a provider, save
   * the owner who is named for an emergency (every owner, should that one be gone). Where none is left, and such a tenant is there, throws 403
   * `sso_required`: that follows from the domain alone, so it says nothing of whether there is an account, or of its password. One statement.
   */
  async allowed<T extends { tenantId: string; userId: string; role: Role }>(
    email: string,
    tenantId: string | undefined,
    matches: T[],
  ): Promise<T[]> {
    const enforcing = await this.system.run('sign-in', (tx) => this.repository.enforcing(tx, domainOf(email), tenantId));
    const left = matches.filter((match) => {
      const rule = enforcing.find((each) => each.tenantId === match.tenantId);
      if (rule === undefined) return true;
      return match.role === 'owner' && (rule.breakGlassUserId === null || rule.breakGlassUserId === match.userId);
    });
    if (left.length === 0 && enforcing.length > 0) throw ssoErrors.required();
    return left;
  }
}
