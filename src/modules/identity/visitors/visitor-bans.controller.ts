import { Body, Controller, Delete, Param, Put } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../../kernel/principal.ts';
import { Access, Answers, Caller } from '../../../platform/http/index.ts';
import { BanVisitor, VisitorBanResponse } from './visitor-bans.schemas.ts';
import { VisitorBans } from './visitor-bans.service.ts';

/** Bans over REST. */
@ApiTags('Visitors')
@Controller('v1/visitors')
export class VisitorBansController {
  constructor(private readonly bans: VisitorBans) {}

  @Put(':id/ban')
  @Access('visitor.ban')
  @Answers({ summary: 'Ban a visitor: no tickets, no messages, and open sockets close', body: VisitorBanResponse })
  ban(@Caller() caller: Principal, @Param('id') id: string, @Body({ schema: BanVisitor }) body: BanVisitor) {
    return this.bans.ban(caller, id, body);
  }

  @Delete(':id/ban')
  @Access('visitor.ban')
  @Answers({ summary: 'Lift the ban of a visitor', status: 204 })
  lift(@Caller() caller: Principal, @Param('id') id: string) {
    return this.bans.lift(caller, id);
  }
}
