import { Injectable } from '@nestjs/common';
import type { Principal } from '../../../kernel/principal.ts';
import { actorOf, auditTrail } from '../../../platform/audit/index.ts';
import { TenantDatabase } from '../../../platform/database/index.ts';
import { FactorsRepository } from './factors.repository.ts';
import type { SetSecurityPolicy } from './second-factor.schemas.ts';
import { Strengthening } from './strengthening.ts';

/** What a tenant demands of its members. */
@Injectable()
export class SecurityPolicies {
  constructor(
    private readonly database: TenantDatabase,
    private readonly repository: FactorsRepository,
    private readonly strengthening: Strengthening,
  ) {}

  async get({ tenantId }: Principal) {
    return present(await this.database.forTenant(tenantId, (tx) => this.repository.isDemanded(tx, tenantId)));
  }

  /** Sets it, for sessions that are open too: within five seconds, on every replica. */
  async set(caller: Principal, { second_factor: secondFactor }: SetSecurityPolicy) {
    const { tenantId } = caller;
    await this.database.forTenant(tenantId, async (tx) => {
      await this.repository.setPolicy(tx, tenantId, secondFactor);
      const object = { kind: 'tenant', id: tenantId } as const;
      auditTrail.record(tx, tenantId, {
        actor: actorOf(caller),
        action: 'security_policy.update',
        object,
        detail: { second_factor: secondFactor },
      });
    });
    this.strengthening.announce(tenantId);
    return present(secondFactor === 'required');
  }
}

function present(demanded: boolean) {
  return { object: 'security_policy' as const, second_factor: demanded ? ('required' as const) : ('optional' as const) };
}
