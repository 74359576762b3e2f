import { Controller, Get, Header } from '@nestjs/common';
import type { Principal } from '../../../kernel/principal.ts';
import { Access, Answers, Caller } from '../../../platform/http/index.ts';
import { CallerResponse } from './me.schemas.ts';
import { Me } from './me.service.ts';

/** Who am I? */
@Controller('v1/me')
export class MeController {
  constructor(private readonly me: Me) {}

  @Get()
  @Access('authenticated')
  @Header('cache-control', 'no-store')
  @Answers({ summary: 'Who is calling, and what they may do', body: CallerResponse })
  describe(@Caller() caller: Principal) {
    return this.me.describe(caller);
  }
}
