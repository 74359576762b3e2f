import { Injectable } from '@nestjs/common';
import { uuidOf } from '../../../kernel/ids.ts';
import type { Principal } from '../../../kernel/principal.ts';
import { actorOf, auditTrail } from '../../../platform/audit/index.ts';
import { TenantDatabase } from '../../../platform/database/index.ts';
import { LinkedIdentitiesRepository } from './linked-identities.repository.ts';
import { ssoErrors } from './sso.errors.ts';
import { toLinkResponse } from './sso.schemas.ts';

/** Which accounts at providers somebody signs in with. */
@Injectable()
export class LinkedIdentities {
  constructor(
    private readonly database: TenantDatabase,
    private readonly links: LinkedIdentitiesRepository,
  ) {}

  /** The caller's own, newest first. Throws 403 for who is no user. */
  async list(caller: Principal) {
    if (caller.kind !== 'user') throw ssoErrors.usersOnly();
    const { tenantId, userId } = caller;
    const found = await this.database.forTenant(tenantId, (tx) => this.links.ofUser(tx, tenantId, userId));
    return { object: 'list' as const, data: found.map(toLinkResponse) };
  }

  /** Ends one of the caller's own. Throws 404, and 403 for who is no user. */
  async remove(caller: Principal, id: string): Promise<void> {
    if (caller.kind !== 'user') throw ssoErrors.usersOnly();
    const { tenantId, userId } = caller;
    const uuid = uuidOf('linkedIdentity', id);
    await this.database.forTenant(tenantId, async (tx) => {
      const providerId = uuid === undefined ? undefined : await this.links.delete(tx, tenantId, userId, uuid);
      if (providerId === undefined) throw ssoErrors.linkNotFound();
      const object = { kind: 'identity_provider', id: providerId } as const;
      auditTrail.record(tx, tenantId, { actor: actorOf(caller), action: 'identity.unlink', object });
    });
  }
}
