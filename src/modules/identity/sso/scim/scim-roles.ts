import { Injectable } from '@nestjs/common';
import type { Principal } from '../../../../kernel/principal.ts';
import { actorOf, auditTrail } from '../../../../platform/audit/index.ts';
import type { Transaction } from '../../../../platform/database/index.ts';
import { ScimUsersRepository } from './scim-users.repository.ts';

/** What people may do because of their groups. */
@Injectable()
export class ScimRoles {
  constructor(private readonly users: ScimUsersRepository) {}

  /** Gives people of a directory the roles of their groups; true when somebody's is another one now, so that credentials are to be looked at anew. */
  async apply(tx: Transaction, caller: Principal, ids: readonly string[]): Promise<boolean> {
    const { tenantId } = caller;
    const moved = ids.length === 0 ? [] : await this.users.applyRoles(tx, tenantId, ids);
    for (const { userId, from, to } of moved) {
      const object = { kind: 'user', id: userId } as const;
      auditTrail.record(tx, tenantId, { actor: actorOf(caller), action: 'member.update', object, detail: { from, to, scim: true } });
    }
    return moved.length > 0;
  }
}
