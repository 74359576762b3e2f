import { Body, Controller, Delete, Get, Header, Param, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../../kernel/principal.ts';
import { Access, Answers, Caller, KeepsNoAnswer } from '../../../platform/http/index.ts';
import {
  AddedFactor,
  AddPasskey,
  AddTotp,
  ConfirmTotp,
  FactorList,
  NewRecoveryCodes,
  NewTotp,
  PasskeyOptions,
} from './second-factor.schemas.ts';
import { SecondFactors } from './second-factors.service.ts';

/** A member's own second factors, over REST. */
@ApiTags('Second factors')
@Controller('v1/second-factors')
export class SecondFactorsController {
  constructor(private readonly factors: SecondFactors) {}

  @Get()
  @Access('authenticated')
  @Header('cache-control', 'no-store')
  @Answers({ summary: 'List your second factors', body: FactorList })
  list(@Caller() caller: Principal) {
    return this.factors.list(caller);
  }

  @Post('totp')
  @KeepsNoAnswer()
  @Access('authenticated', { stepUp: true })
  @Header('cache-control', 'no-store')
  @Answers({ summary: 'Begin with an authenticator app; its secret is shown this once', status: 201, body: NewTotp })
  addTotp(@Caller() caller: Principal, @Body({ schema: AddTotp }) body: AddTotp) {
    return this.factors.addTotp(caller, body);
  }

  @Post(':id/confirm')
  @KeepsNoAnswer()
  @Access('authenticated')
  @Header('cache-control', 'no-store')
  @Answers({ summary: 'Have an authenticator app count, by a code of it', body: AddedFactor })
  confirmTotp(@Caller() caller: Principal, @Param('id') id: string, @Body({ schema: ConfirmTotp }) { code }: { code: string }) {
    return this.factors.confirmTotp(caller, id, code);
  }

  @Post('passkeys/options')
  @KeepsNoAnswer()
  @Access('authenticated', { stepUp: true })
  @Header('cache-control', 'no-store')
  @Answers({ summary: 'What a browser needs to make a passkey', body: PasskeyOptions })
  passkeyOptions(@Caller() caller: Principal) {
    return this.factors.passkeyOptions(caller);
  }

  @Post('passkeys')
  @KeepsNoAnswer()
  @Access('authenticated', { stepUp: true })
  @Header('cache-control', 'no-store')
  @Answers({ summary: 'Add a passkey', status: 201, body: AddedFactor })
  addPasskey(@Caller() caller: Principal, @Body({ schema: AddPasskey }) body: AddPasskey) {
    return this.factors.addPasskey(caller, body);
  }

  @Post('recovery-codes')
  @KeepsNoAnswer()
  @Access('authenticated', { stepUp: true })
  @Header('cache-control', 'no-store')
  @Answers({ summary: 'New recovery codes; those from before count no more', status: 201, body: NewRecoveryCodes })
  newCodes(@Caller() caller: Principal) {
    return this.factors.newCodes(caller);
  }

  @Delete(':id')
  @Access('authenticated', { stepUp: true })
  @Answers({ summary: 'Remove a second factor', status: 204 })
  remove(@Caller() caller: Principal, @Param('id') id: string) {
    return this.factors.remove(caller, id);
  }
}
