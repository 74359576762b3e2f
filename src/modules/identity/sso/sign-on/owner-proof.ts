import { Injectable } from '@nestjs/common';
import { publicId } from '../../../../kernel/ids.ts';
import type { Role } from '../../../../kernel/permissions.ts';
import { KeyedHash } from '../../../../platform/crypto/index.ts';
import { AttemptLimits } from '../../attempts/attempt-limits.ts';
import { FactorProofs } from '../../second-factor/factor-proofs.ts';
import { SignIn } from '../../sign-in/sign-in.service.ts';
import { ssoErrors } from '../sso.errors.ts';

/** The proof of somebody who comes from a provider that they are the member with that e-mail. */
@Injectable()
export class OwnerProof {
  constructor(
    private readonly signIns: SignIn,
    private readonly factors: FactorProofs,
    private readonly limits: AttemptLimits,
    private readonly hash: KeyedHash,
  ) {}

  /**
   * Whose password it is. Who has a second factor links signed in with it: else whoever runs the provider and knows the password would come in without.
   * Throws 401 `sso_proof_required` and `invalid_credentials`, 403 `sso_link_signed_in`, 429.
   */
  async byPassword(
    tenantId: string,
    email: string,
    password: string | undefined,
    address: string,
  ): Promise<{ userId: string; role: Role }> {
    if (password === undefined) throw ssoErrors.proofRequired();
    await this.limits.signIn(address, this.hash.of('email', email));
    const { userId, role } = await this.signIns.prove({ email, password, tenantId: publicId('tenant', tenantId) });
    if ((await this.factors.of({ tenantId, userId })).length > 0) throw ssoErrors.linkSignedIn();
    return { userId, role };
  }
}
