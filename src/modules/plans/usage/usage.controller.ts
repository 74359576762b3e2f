import { Controller, Get, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../../kernel/principal.ts';
import { Access, Answers, Caller } from '../../../platform/http/index.ts';
import { LimitStates } from './limit-states.ts';
import { LimitsResponse, UsagePage, UsageQuery } from './usage.schemas.ts';
import { Usage } from './usage.service.ts';

/** Usage and limits over REST. */
@ApiTags('Usage')
@Controller('v1')
export class UsageController {
  constructor(
    private readonly usage: Usage,
    private readonly states: LimitStates,
  ) {}

  @Get('usage')
  @Access('usage.read')
  @Answers({ summary: 'Messages, calls, tokens and cost, by day, bot, model, API key or visitor', body: UsagePage })
  list(@Caller() caller: Principal, @Query({ schema: UsageQuery }) query: UsageQuery) {
    return this.usage.list(caller, query);
  }

  @Get('limits')
  @Access('usage.read')
  @Answers({ summary: 'The plan, each of its limits, and what is left', body: LimitsResponse })
  limits(@Caller() caller: Principal) {
    return this.states.of(caller);
  }
}
