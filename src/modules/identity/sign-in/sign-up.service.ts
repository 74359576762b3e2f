import { Injectable } from '@nestjs/common';
import { newUuid } from '../../../kernel/ids.ts';
import { auditTrail } from '../../../platform/audit/index.ts';
import { defineSealedTable, KeyedHash, KeyRing, type Place, seal } from '../../../platform/crypto/index.ts';
import { SystemDatabase, TenantDatabase } from '../../../platform/database/index.ts';
import { CreationLimits } from '../creation-limits.ts';
import { AccountsRepository } from './accounts.repository.ts';
import { normalisedEmail } from './email.ts';
import { PasswordHasher } from './password-hasher.ts';

/** Who signs up, and the name of their tenant. */
export interface SignUpRequest {
  email: string;
  password: string;
  tenantName: string;
}

/** Makes users with a tenant of their own. */
@Injectable()
export class SignUp {
  constructor(
    private readonly system: SystemDatabase,
    private readonly database: TenantDatabase,
    private readonly accounts: AccountsRepository,
    private readonly hasher: PasswordHasher,
    private readonly hash: KeyedHash,
    private readonly keyRing: KeyRing,
    private readonly creations: CreationLimits,
  ) {}

  /**
   * Always a new user and tenant, whether the e-mail was seen before or not: so nobody learns which exist. The user comes
   * last and makes it real; a crash before leaves a tenant that nobody can enter.
   */
  async signUp({ email, password, tenantName }: SignUpRequest): Promise<{ tenantId: string; userId: string }> {
    const [tenantId, userId, membershipId] = [newUuid(), newUuid(), newUuid()];
    const normalised = normalisedEmail(email);
    const emailHash = this.hash.of('email', normalised);
    const passwordHash = await this.hasher.hash(emailHash, password);
    // Under a key of their own, so that it can be erased without the tenant.
    const sealedEmail = seal(await this.keyRing.visitorKey(tenantId, userId), emailPlace(tenantId, membershipId), normalised);
    await this.database.forTenant(tenantId, async (tx) => {
      await this.accounts.insertTenant(tx, { id: tenantId, name: tenantName });
      await this.creations.take(tx, tenantId, 'seats');
      await this.accounts.insertMembership(tx, { tenantId, id: membershipId, userId, role: 'owner', email: sealedEmail });
      auditTrail.record(tx, tenantId, {
        actor: { kind: 'user', id: userId },
        action: 'tenant.sign_up',
        object: { kind: 'tenant', id: tenantId },
      });
    });
    await this.system.run('sign-up', (tx) => this.accounts.insertUser(tx, { id: userId, emailHash, passwordHash }));
    return { tenantId, userId };
  }
}

defineSealedTable({ table: 'memberships', columns: ['email'] });

/** Where a membership's e-mail is stored. */
export function emailPlace(tenantId: string, membershipId: string): Place {
  return { tenantId, table: 'memberships', column: 'email', rowId: membershipId };
}
