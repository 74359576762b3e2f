import { Injectable } from '@nestjs/common';
import { SystemDatabase, TenantDatabase } from '../../../platform/database/index.ts';
import { identityErrors } from '../identity.errors.ts';
import { FactorSecrets } from './factor-secrets.ts';
import { type FactorOwner, type FactorRow, FactorsRepository } from './factors.repository.ts';
import { type ChallengePurpose, Passkeys } from './passkeys.ts';
import type { FactorProof, GivenPasskey } from './second-factor.schemas.ts';
import { totpStep } from './totp.ts';

/** Judges proofs. Each counts once: a time step, a recovery code, a challenge. */
@Injectable()
export class FactorProofs {
  constructor(
    private readonly system: SystemDatabase,
    private readonly database: TenantDatabase,
    private readonly repository: FactorsRepository,
    private readonly secrets: FactorSecrets,
    private readonly passkeys: Passkeys,
  ) {}

  /** Confirmed factors of a member. */
  async of(owner: FactorOwner): Promise<FactorRow[]> {
    const factors = await this.database.forTenant(owner.tenantId, (tx) => this.repository.of(tx, owner));
    return factors.filter(({ confirmedAt }) => confirmedAt !== null);
  }

  /** What a member has proven themself with, by names of RFC 8176. Throws 401 `second_factor_refused`. */
  async judge(owner: FactorOwner, proof: FactorProof, purpose: ChallengePurpose): Promise<string[]> {
    if ('recovery_code' in proof) {
      const hash = this.secrets.codeHash(owner, proof.recovery_code);
      const used = await this.database.forTenant(owner.tenantId, (tx) => this.repository.useCode(tx, owner, hash));
      if (!used) throw identityErrors.factorRefused(401);
      return ['kba', 'mfa'];
    }
    const factors = await this.of(owner);
    if ('passkey' in proof) return this.judgePasskey(owner.tenantId, factors, proof.passkey, purpose);
    for (const factor of factors.filter(({ kind }) => kind === 'totp'))
      if (await this.isCode(owner.tenantId, factor, proof.code)) return ['otp', 'mfa'];
    throw identityErrors.factorRefused(401);
  }

  /** Whether a code is one of this app's that has not counted yet; uses it up, and confirms the app by it. */
  async isCode(tenantId: string, factor: FactorRow, code: string): Promise<boolean> {
    const step = totpStep(await this.secrets.totp(tenantId, factor), code);
    if (step === undefined) return false;
    return this.database.forTenant(tenantId, (tx) => this.repository.useStep(tx, tenantId, factor.id, step));
  }

  /** Whose passkey has signed in by itself. Throws 401 `second_factor_refused`. */
  async judgeAlone(given: GivenPasskey): Promise<FactorOwner & { amr: string[] }> {
    const located = await this.system.run('credential-lookup', (tx) => this.repository.locate(tx, this.secrets.credentialHash(given.id)));
    const [owner] = located;
    if (owner === undefined || located.length > 1) throw identityErrors.factorRefused(401);
    return { ...owner, amr: await this.judgePasskey(owner.tenantId, await this.of(owner), given, 'sign-in') };
  }

  private async judgePasskey(tenantId: string, factors: FactorRow[], given: GivenPasskey, purpose: ChallengePurpose): Promise<string[]> {
    for (const factor of factors.filter(({ kind }) => kind === 'passkey')) {
      const known = await this.secrets.passkey(tenantId, factor);
      if (known.id !== given.id) continue;
      const count = await this.passkeys.signed(purpose, given, known);
      const counts =
        count !== undefined && (await this.database.forTenant(tenantId, (tx) => this.repository.useCount(tx, tenantId, factor.id, count)));
      if (!counts) break;
      return ['pop', 'user', 'mfa'];
    }
    throw identityErrors.factorRefused(401);
  }
}
