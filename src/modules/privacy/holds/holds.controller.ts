import { Body, Controller, Delete, Get, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../../kernel/principal.ts';
import { Access, Answers, Caller, PageQuery } from '../../../platform/http/index.ts';
import { HoldPage, HoldResponse, PlaceHold } from './holds.schemas.ts';
import { Holds } from './holds.service.ts';

/** Legal holds over REST. */
@ApiTags('Privacy')
@Controller('v1/privacy/holds')
export class HoldsController {
  constructor(private readonly holds: Holds) {}

  @Post()
  @Access('legal_hold.manage')
  @Answers({ summary: 'Keep something from being deleted, by anybody and any rule', status: 201, body: HoldResponse })
  place(@Caller() caller: Principal, @Body({ schema: PlaceHold }) body: PlaceHold) {
    return this.holds.place(caller, body);
  }

  @Get()
  @Access('privacy.read')
  @Answers({ summary: 'List legal holds, newest first', body: HoldPage })
  list(@Caller() caller: Principal, @Query({ schema: PageQuery }) query: PageQuery) {
    return this.holds.list(caller, query);
  }

  @Delete(':id')
  @Access('legal_hold.manage')
  @Answers({ summary: 'Lift a legal hold', status: 204 })
  lift(@Caller() caller: Principal, @Param('id') id: string) {
    return this.holds.lift(caller, id);
  }
}
