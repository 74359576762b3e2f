import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../../kernel/principal.ts';
import { Access, Answers, Caller } from '../../../platform/http/index.ts';
import { StatementResponse } from './statement.schemas.ts';
import { PrivacyStatement } from './statement.service.ts';

/** The privacy statement over REST. It stands here because it needs to know of models and of privacy. */
@ApiTags('Privacy')
@Controller('v1/privacy/statement')
export class StatementController {
  constructor(private readonly statement: PrivacyStatement) {}

  @Get()
  @Access('tenant.read')
  @Answers({ summary: 'Where and by whom the tenant’s data is processed, for how long, and how it is protected', body: StatementResponse })
  get(@Caller() caller: Principal) {
    return this.statement.of(caller);
  }
}
