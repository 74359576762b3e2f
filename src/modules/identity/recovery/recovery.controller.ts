import { Body, Controller, Header, Ip, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../../kernel/principal.ts';
import { Access, Answers, Caller, KeepsNoAnswer } from '../../../platform/http/index.ts';
import { SessionResponse } from '../sign-in/auth.schemas.ts';
import { AskReset, ChangePassword, ConfirmEmail, ConfirmReset, MailAsked } from './recovery.schemas.ts';
import { Recovery } from './recovery.service.ts';

/** Forgotten and changed passwords, and mailboxes to be proven. */
@ApiTags('Auth')
@Controller('v1/auth')
export class RecoveryController {
  constructor(private readonly recovery: Recovery) {}

  @Post('password-reset')
  @Access('public')
  @Answers({
    summary: 'Ask for a mail to set a new password; says the same whether there is an account or not',
    status: 202,
    body: MailAsked,
  })
  askReset(@Body({ schema: AskReset }) body: AskReset, @Ip() address: string) {
    return this.recovery.askReset(body, address);
  }

  @Post('password-reset/confirm')
  @Access('public')
  @Answers({ summary: 'Set a new password with the token of the mail; ends every session of the account', status: 204 })
  confirmReset(@Body({ schema: ConfirmReset }) body: ConfirmReset, @Ip() address: string) {
    return this.recovery.confirmReset(body, address);
  }

  @Post('password')
  @KeepsNoAnswer()
  @Access('authenticated', { stepUp: true })
  @Header('cache-control', 'no-store')
  @Answers({ summary: 'Change your password; ends every session of the account and gives a new one', body: SessionResponse })
  changePassword(@Caller() caller: Principal, @Body({ schema: ChangePassword }) body: ChangePassword, @Ip() address: string) {
    return this.recovery.changePassword(caller, body, address);
  }

  @Post('email-verification')
  @Access('authenticated')
  @Answers({ summary: 'Ask for a mail that proves your mailbox', status: 202, body: MailAsked })
  askVerification(@Caller() caller: Principal, @Ip() address: string) {
    return this.recovery.askVerification(caller, address);
  }

  @Post('email-verification/confirm')
  @Access('public')
  @Answers({ summary: 'Prove a mailbox with the token of the mail', status: 204 })
  confirmEmail(@Body({ schema: ConfirmEmail }) body: ConfirmEmail, @Ip() address: string) {
    return this.recovery.confirmEmail(body, address);
  }
}
