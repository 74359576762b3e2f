import { Body, Controller, Delete, Get, Header, Param, Post, Query } from '@nestjs/common';
import type { Principal } from '../../../kernel/principal.ts';
import { Access, Answers, Caller, PageQuery } from '../../../platform/http/index.ts';
import { ApiKeyPage, ApiKeyResponse, CreateApiKey, NewApiKeyResponse, RollApiKey } from './api-keys.schemas.ts';
import { ApiKeys } from './api-keys.service.ts';

/** API keys over REST. */
@Controller('v1/api-keys')
export class ApiKeysController {
  constructor(private readonly keys: ApiKeys) {}

  @Post()
  @Access('api_key.manage', { stepUp: true })
  @Header('cache-control', 'no-store')
  @Answers({ summary: 'Make an API key; the key itself is shown this once', status: 201, body: NewApiKeyResponse })
  create(@Caller() caller: Principal, @Body({ schema: CreateApiKey }) body: CreateApiKey) {
    return this.keys.create(caller, body);
  }

  @Get()
  @Access('api_key.read')
  @Answers({ summary: 'List API keys, newest first', body: ApiKeyPage })
  list(@Caller() caller: Principal, @Query({ schema: PageQuery }) query: PageQuery) {
    return this.keys.list(caller, query);
  }

  @Get(':id')
  @Access('api_key.read')
  @Answers({ summary: 'Get an API key', body: ApiKeyResponse })
  get(@Caller() caller: Principal, @Param('id') id: string) {
    return this.keys.get(caller, id);
  }

  @Delete(':id')
  @Access('api_key.manage', { stepUp: true })
  @Answers({ summary: 'Revoke an API key', status: 204 })
  revoke(@Caller() caller: Principal, @Param('id') id: string) {
    return this.keys.revoke(caller, id);
  }

  @Post(':id/roll')
  @Access('api_key.manage', { stepUp: true })
  @Header('cache-control', 'no-store')
  @Answers({ summary: 'Replace an API key; the old one goes on for the overlap', status: 201, body: NewApiKeyResponse })
  roll(@Caller() caller: Principal, @Param('id') id: string, @Body({ schema: RollApiKey }) body: RollApiKey) {
    return this.keys.roll(caller, id, body);
  }
}
