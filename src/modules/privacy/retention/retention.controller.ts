import { Body, Controller, Get, Param, Put } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../../kernel/principal.ts';
import { Access, Answers, Caller } from '../../../platform/http/index.ts';
import { BotRetentionResponse, PutBotRetention, PutRetention, RetentionResponse } from './retention.schemas.ts';
import { RetentionPolicies } from './retention.service.ts';

/** How long what is kept, over REST. */
@ApiTags('Privacy')
@Controller('v1')
export class RetentionController {
  constructor(private readonly policies: RetentionPolicies) {}

  @Get('privacy/retention')
  @Access('privacy.read')
  @Answers({ summary: 'How long the tenant keeps what', body: RetentionResponse })
  get(@Caller() caller: Principal) {
    return this.policies.get(caller);
  }

  @Put('privacy/retention')
  @Access('privacy.manage')
  @Answers({ summary: 'Set how long the tenant keeps what', body: RetentionResponse })
  put(@Caller() caller: Principal, @Body({ schema: PutRetention }) body: PutRetention) {
    return this.policies.put(caller, body);
  }

  @Get('bots/:id/retention')
  @Access('privacy.read')
  @Answers({ summary: 'How long a bot keeps what', body: BotRetentionResponse })
  getForBot(@Caller() caller: Principal, @Param('id') id: string) {
    return this.policies.getForBot(caller, id);
  }

  @Put('bots/:id/retention')
  @Access('privacy.manage')
  @Answers({ summary: 'Set how long a bot keeps what, where that is shorter than the tenant does', body: BotRetentionResponse })
  putForBot(@Caller() caller: Principal, @Param('id') id: string, @Body({ schema: PutBotRetention }) body: PutBotRetention) {
    return this.policies.putForBot(caller, id, body);
  }
}
