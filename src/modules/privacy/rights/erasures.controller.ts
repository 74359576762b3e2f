import { Body, Controller, Get, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../../kernel/principal.ts';
import { Access, Answers, Caller, PageQuery } from '../../../platform/http/index.ts';
import { ErasePerson, ErasurePage, ErasureResponse } from './erasures.schemas.ts';
import { Erasures } from './erasures.service.ts';

/** The right to be forgotten, over REST. */
@ApiTags('Privacy')
@Controller('v1/privacy/erasures')
export class ErasuresController {
  constructor(private readonly erasures: Erasures) {}

  @Post()
  @Access('person.erase', { stepUp: true })
  @Answers({ summary: 'Erase a visitor or a member: everything of theirs, for good', status: 202, body: ErasureResponse })
  request(@Caller() caller: Principal, @Body({ schema: ErasePerson }) body: ErasePerson) {
    return this.erasures.request(caller, body);
  }

  @Get()
  @Access('privacy.read')
  @Answers({ summary: 'List erasures, newest first', body: ErasurePage })
  list(@Caller() caller: Principal, @Query({ schema: PageQuery }) query: PageQuery) {
    return this.erasures.list(caller, query);
  }

  @Get(':id')
  @Access('privacy.read')
  @Answers({ summary: 'How far an erasure is, and its receipt', body: ErasureResponse })
  get(@Caller() caller: Principal, @Param('id') id: string) {
    return this.erasures.get(caller, id);
  }
}
