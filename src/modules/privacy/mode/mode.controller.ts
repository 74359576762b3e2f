import { Body, Controller, Get, Put } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../../kernel/principal.ts';
import { Access, Answers, Caller } from '../../../platform/http/index.ts';
import { ModeResponse, PutMode } from './mode.schemas.ts';
import { PrivacyModes } from './mode.service.ts';

/** The privacy mode over REST. */
@ApiTags('Privacy')
@Controller('v1/privacy/mode')
export class ModeController {
  constructor(private readonly modes: PrivacyModes) {}

  @Get()
  @Access('privacy.read')
  @Answers({ summary: 'The privacy mode', body: ModeResponse })
  get(@Caller() caller: Principal) {
    return this.modes.get(caller);
  }

  @Put()
  @Access('privacy.manage')
  @Answers({ summary: 'Choose the privacy mode', body: ModeResponse })
  put(@Caller() caller: Principal, @Body({ schema: PutMode }) body: PutMode) {
    return this.modes.put(caller, body);
  }
}
