import { Injectable } from '@nestjs/common';
import { KeyedHash } from '../../../platform/crypto/index.ts';
import { AttemptLimits } from '../attempts/attempt-limits.ts';
import { Joining } from '../members/joining.ts';
import type { AcceptInvitation } from '../members/members.schemas.ts';
import { EmailVerification } from '../recovery/email-verification.service.ts';
import { Sessions } from '../sessions/sessions.service.ts';
import { type RefreshBody, type SignInBody, type SignUpBody, toSessionResponse } from './auth.schemas.ts';
import { normalisedEmail } from './email.ts';
import { SignIn } from './sign-in.service.ts';
import { SignUp } from './sign-up.service.ts';

/** What the routes under /v1/auth do. */
@Injectable()
export class Auth {
  constructor(
    private readonly limits: AttemptLimits,
    private readonly hash: KeyedHash,
    private readonly signUps: SignUp,
    private readonly signIns: SignIn,
    private readonly sessions: Sessions,
    private readonly joining: Joining,
    private readonly verification: EmailVerification,
  ) {}

  /** A new user with a new tenant, signed in. `address` is the client's. */
  async signUp(body: SignUpBody, address: string) {
    await this.limits.signUp(address, this.emailHash(body.email));
    const made = await this.signUps.signUp({ email: body.email, password: body.password, tenantName: body.tenant_name });
    await this.verification.ask(made.tenantId, made.userId);
    return toSessionResponse(await this.sessions.open({ ...made, role: 'owner' }));
  }

  /** A new session for an account. */
  async signIn(body: SignInBody, address: string) {
    const emailHash = this.emailHash(body.email);
    await this.limits.signIn(address, emailHash);
    const { tenantId, userId, role } = await this.signIns.signIn({ email: body.email, password: body.password, tenantId: body.tenant_id });
    await this.limits.signedIn(address, emailHash);
    return toSessionResponse(await this.sessions.open({ tenantId, userId, role }));
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
