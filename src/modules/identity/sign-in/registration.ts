import { Injectable } from '@nestjs/common';
import { EmailVerification } from '../recovery/email-verification.service.ts';
import { SignUp, type SignUpRequest } from './sign-up.service.ts';

/** Makes users who sign up themselves, and has them prove their mailbox. */
@Injectable()
export class Registration {
  constructor(
    private readonly signUps: SignUp,
    private readonly verification: EmailVerification,
  ) {}

  /** A new user with a new tenant; a mail for the mailbox is on its way. */
  async register(request: SignUpRequest): Promise<{ tenantId: string; userId: string }> {
    const made = await this.signUps.signUp(request);
    await this.verification.ask(made.tenantId, made.userId);
    return made;
  }
}
