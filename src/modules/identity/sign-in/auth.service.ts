import { Injectable } from '@nestjs/common';
import { KeyedHash } from '../../../platform/crypto/index.ts';
import { AttemptLimits } from '../attempts/attempt-limits.ts';
import { Joining } from '../members/joining.ts';
import type { AcceptInvitation } from '../members/members.schemas.ts';
import type { GivenPasskey, SecondStep as SecondStepBody } from '../second-factor/second-factor.schemas.ts';
import { SecondStep } from '../second-factor/second-step.service.ts';
import { Sessions } from '../sessions/sessions.service.ts';
import { type RefreshBody, type SignInBody, type SignUpBody, toSessionResponse } from './auth.schemas.ts';
import { normalisedEmail } from './email.ts';
import { Registration } from './registration.ts';
import { SignIn } from './sign-in.service.ts';

/** What the routes under /v1/auth do. */
@Injectable()
export class Auth {
  constructor(
    private readonly limits: AttemptLimits,
    private readonly hash: KeyedHash,
    private readonly registration: Registration,
    private readonly signIns: SignIn,
    private readonly sessions: Sessions,
    private readonly joining: Joining,
    private readonly steps: SecondStep,
  ) {}

  /** A new user with a new tenant, signed in. `address` is the client's. */
  async signUp(body: SignUpBody, address: string) {
    await this.limits.signUp(address, this.emailHash(body.email));
    const made = await this.registration.register({ email: body.email, password: body.password, tenantName: body.tenant_name });
    return toSessionResponse(await this.sessions.open({ ...made, role: 'owner' }));
  }

  /** A new session for an account, or what its second step needs. */
  async signIn(body: SignInBody, address: string) {
    const emailHash = this.emailHash(body.email);
    await this.limits.signIn(address, emailHash);
    const { tenantId, userId, role } = await this.signIns.signIn({ email: body.email, password: body.password, tenantId: body.tenant_id });
    await this.limits.signedIn(address, emailHash);
    const demanded = await this.steps.demand({ tenantId, userId, role });
    return demanded ?? toSessionResponse(await this.sessions.open({ tenantId, userId, role }));
  }

  /** The session after the second step. */
  async secondStep({ token, proof }: SecondStepBody, address: string) {
    const { owner, amr } = await this.steps.take(token, proof, address);
    return toSessionResponse(await this.sessions.open(owner, { amr: ['pwd', ...amr] }));
  }

  /** A new session by a passkey alone. */
  async passkey(passkey: GivenPasskey, address: string) {
    const { owner, amr } = await this.steps.alone(passkey, address);
    return toSessionResponse(await this.sessions.open(owner, { amr }));
  }

  /** A new session for somebody who was invited. */
  async acceptInvitation({ token, password }: AcceptInvitation, address: string) {
    await this.limits.signIn(address, this.hash.of('invitation', token));
    return toSessionResponse(await this.sessions.open(await this.joining.accept(token, password)));
  }

  /** The next tokens of a session. */
  async refresh(body: RefreshBody) {
    return toSessionResponse(await this.sessions.refresh(body.refresh_token));
  }

  /** Ends the session of a refresh token; says nothing about whether there was one. */
  signOut(body: RefreshBody): Promise<void> {
    return this.sessions.signOut(body.refresh_token);
  }

  private emailHash(email: string): Buffer {
    return this.hash.of('email', normalisedEmail(email));
  }
}
