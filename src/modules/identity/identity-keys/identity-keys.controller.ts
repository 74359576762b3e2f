import { Body, Controller, Delete, Get, Header, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../../kernel/principal.ts';
import { Access, Answers, Caller, KeepsNoAnswer, PageQuery } from '../../../platform/http/index.ts';
import { CreateIdentityKey, IdentityKeyPage, NewIdentityKeyResponse } from './identity-keys.schemas.ts';
import { IdentityKeys } from './identity-keys.service.ts';

/** Identity keys over REST. */
@ApiTags('Visitors')
@Controller('v1/identity-keys')
export class IdentityKeysController {
  constructor(private readonly keys: IdentityKeys) {}

  @Post()
  @KeepsNoAnswer()
  @Access('api_key.manage', { stepUp: true })
  @Header('cache-control', 'no-store')
  @Answers({ summary: 'Make a key that signs who visitors are; its secret is shown this once', status: 201, body: NewIdentityKeyResponse })
  create(@Caller() caller: Principal, @Body({ schema: CreateIdentityKey }) body: CreateIdentityKey) {
    return this.keys.create(caller, body);
  }

  @Get()
  @Access('api_key.read')
  @Answers({ summary: 'List identity keys, newest first', body: IdentityKeyPage })
  list(@Caller() caller: Principal, @Query({ schema: PageQuery }) query: PageQuery) {
    return this.keys.list(caller, query);
  }

  @Delete(':id')
  @Access('api_key.manage', { stepUp: true })
  @Answers({ summary: 'Revoke an identity key; visitors whom it vouched for are cut off', status: 204 })
  revoke(@Caller() caller: Principal, @Param('id') id: string) {
    return this.keys.revoke(caller, id);
  }
}
