import { Body, Controller, Header, HttpCode, Ip, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../../kernel/principal.ts';
import { Access, Answers, Caller, KeepsNoAnswer } from '../../../platform/http/index.ts';
import { SessionResponse } from '../sign-in/auth.schemas.ts';
import { Auth } from '../sign-in/auth.service.ts';
import { ProofRequests } from './proof-requests.ts';
import { PasskeyOptions, PasskeySignIn, SecondStep as SecondStepBody, SecondStepToken, StepUp } from './second-factor.schemas.ts';
import { SecondStep } from './second-step.service.ts';

/** Signing in with more than a password, or with a passkey alone. */
@ApiTags('Auth')
@Controller('v1/auth')
export class SecondStepController {
  constructor(
    private readonly auth: Auth,
    private readonly secondStep: SecondStep,
    private readonly requests: ProofRequests,
  ) {}

  @Post('second-factor')
  @Access('public')
  @Header('cache-control', 'no-store')
  @Answers({ summary: 'Finish a sign-in with a second factor', body: SessionResponse })
  finish(@Body({ schema: SecondStepBody }) body: SecondStepBody, @Ip() address: string) {
    return this.auth.secondStep(body, address);
  }

  @Post('second-factor/options')
  @Access('public')
  @Header('cache-control', 'no-store')
  @Answers({ summary: 'What a browser needs to finish a sign-in with a passkey', body: PasskeyOptions })
  options(@Body({ schema: SecondStepToken }) { token }: { token: string }) {
    return this.secondStep.options(token);
  }

  @Post('passkey/options')
  @Access('public')
  @Header('cache-control', 'no-store')
  @Answers({ summary: 'What a browser needs to sign in with a passkey alone', body: PasskeyOptions })
  passkeyOptions() {
    return this.requests.toSignIn();
  }

  @Post('passkey')
  @Access('public')
  @Header('cache-control', 'no-store')
  @Answers({ summary: 'Sign in with a passkey alone', body: SessionResponse })
  passkey(@Body({ schema: PasskeySignIn }) body: PasskeySignIn, @Ip() address: string) {
    return this.auth.passkey(body.passkey, address);
  }

  @Post('step-up/options')
  @Access('authenticated')
  @KeepsNoAnswer()
  @Header('cache-control', 'no-store')
  @Answers({ summary: 'What a browser needs to prove you once more with a passkey', body: PasskeyOptions })
  stepUpOptions(@Caller() caller: Principal) {
    return this.secondStep.stepUpOptions(caller);
  }

  @Post('step-up')
  @Access('authenticated')
  @HttpCode(204)
  @Answers({ summary: 'Prove yourself once more, for dangerous acts', status: 204 })
  stepUp(@Caller() caller: Principal, @Body({ schema: StepUp }) { proof }: StepUp, @Ip() address: string) {
    return this.secondStep.stepUp(caller, proof, address);
  }
}
