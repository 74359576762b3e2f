import { Injectable } from '@nestjs/common';
import { FactorProofs } from './factor-proofs.ts';
import { FactorSecrets } from './factor-secrets.ts';
import type { FactorOwner } from './factors.repository.ts';
import { Passkeys } from './passkeys.ts';

/** Asks browsers to have passkeys sign. */
@Injectable()
export class ProofRequests {
  constructor(
    private readonly proofs: FactorProofs,
    private readonly secrets: FactorSecrets,
    private readonly passkeys: Passkeys,
  ) {}

  /** For one of a member's passkeys. */
  async toProve(owner: FactorOwner) {
    const factors = (await this.proofs.of(owner)).filter(({ kind }) => kind === 'passkey');
    const known = await Promise.all(factors.map((factor) => this.secrets.passkey(owner.tenantId, factor)));
    return this.passkeys.requestOptions(this.purposeOf(owner), known);
  }

  /** For whichever passkey somebody has here. */
  toSignIn() {
    return this.passkeys.requestOptions('sign-in');
  }

  /** What a member's challenge is for. */
  purposeOf({ tenantId, userId }: FactorOwner): `prove:${string}` {
    return `prove:${tenantId}:${userId}`;
  }
}
