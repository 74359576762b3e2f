import { Body, Controller, Delete, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../../../kernel/principal.ts';
import { Access, Answers, Caller, KeepsNoAnswer, PageQuery } from '../../../../platform/http/index.ts';
import { CreateDomain, DomainPage, DomainResponse, UpdateDomain } from './domains.schemas.ts';
import { Domains } from './domains.service.ts';

/** A tenant's domains over REST. */
@ApiTags('Single sign-on')
@Controller('v1/domains')
export class DomainsController {
  constructor(private readonly domains: Domains) {}

  @Post()
  @Access('identity_provider.manage', { stepUp: true })
  @Answers({ summary: 'Say that a domain is ours; the answer has the TXT record that proves it', status: 201, body: DomainResponse })
  create(@Caller() caller: Principal, @Body({ schema: CreateDomain }) body: CreateDomain) {
    return this.domains.create(caller, body);
  }

  @Get()
  @Access('identity_provider.read')
  @Answers({ summary: 'List domains, newest first', body: DomainPage })
  list(@Caller() caller: Principal, @Query({ schema: PageQuery }) query: PageQuery) {
    return this.domains.list(caller, query);
  }

  // Asked again for the same key, DNS is to be asked again.
  @Post(':id/verify')
  @KeepsNoAnswer()
  @Access('identity_provider.manage', { stepUp: true })
  @Answers({ summary: 'Look whether the TXT record is there', body: DomainResponse })
  verify(@Caller() caller: Principal, @Param('id') id: string) {
    return this.domains.verify(caller, id);
  }

  @Patch(':id')
  @Access('identity_provider.manage', { stepUp: true })
  @Answers({ summary: 'Have members of a domain sign in by a provider only', body: DomainResponse })
  update(@Caller() caller: Principal, @Param('id') id: string, @Body({ schema: UpdateDomain }) body: UpdateDomain) {
    return this.domains.update(caller, id, body);
  }

  @Delete(':id')
  @Access('identity_provider.manage', { stepUp: true })
  @Answers({ summary: 'Let go of a domain', status: 204 })
  delete(@Caller() caller: Principal, @Param('id') id: string) {
    return this.domains.delete(caller, id);
  }
}
