import { Body, Controller, Get, Param, Put } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../../kernel/principal.ts';
import { Access, Answers, Caller } from '../../../platform/http/index.ts';
import { ConsentResponse, PutConsent } from './consent.schemas.ts';
import { Consents } from './consents.service.ts';

/** What visitors consent to, over REST. */
@ApiTags('Privacy')
@Controller('v1/visitors')
export class ConsentsController {
  constructor(private readonly consents: Consents) {}

  @Get(':id/consent')
  @Access('consent.read')
  @Answers({ summary: 'What a visitor has consented to', body: ConsentResponse })
  get(@Caller() caller: Principal, @Param('id') id: string) {
    return this.consents.get(caller, id);
  }

  @Put(':id/consent')
  @Access('consent.manage')
  @Answers({ summary: 'Note what a visitor consents to, refuses or withdraws', body: ConsentResponse })
  put(@Caller() caller: Principal, @Param('id') id: string, @Body({ schema: PutConsent }) body: PutConsent) {
    return this.consents.put(caller, id, body);
  }
}
