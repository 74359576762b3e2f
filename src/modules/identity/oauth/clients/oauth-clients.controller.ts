import { Body, Controller, Delete, Get, Header, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../../../kernel/principal.ts';
import { Access, Answers, Caller, KeepsNoAnswer, PageQuery } from '../../../../platform/http/index.ts';
import { CreateOAuthClient, NewOAuthClientResponse, OAuthClientPage, OAuthClientResponse } from './oauth-clients.schemas.ts';
import { OAuthClients } from './oauth-clients.service.ts';

/** OAuth clients over REST. */
@ApiTags('OAuth')
@Controller('v1/oauth-clients')
export class OAuthClientsController {
  constructor(private readonly clients: OAuthClients) {}

  @Post()
  @KeepsNoAnswer()
  @Access('oauth_client.manage', { stepUp: true })
  @Header('cache-control', 'no-store')
  @Answers({ summary: 'Make an OAuth client; its secret is shown this once', status: 201, body: NewOAuthClientResponse })
  create(@Caller() caller: Principal, @Body({ schema: CreateOAuthClient }) body: CreateOAuthClient) {
    return this.clients.create(caller, body);
  }

  @Get()
  @Access('oauth_client.read')
  @Answers({ summary: 'List OAuth clients, newest first', body: OAuthClientPage })
  list(@Caller() caller: Principal, @Query({ schema: PageQuery }) query: PageQuery) {
    return this.clients.list(caller, query);
  }

  @Get(':id')
  @Access('oauth_client.read')
  @Answers({ summary: 'Get an OAuth client', body: OAuthClientResponse })
  get(@Caller() caller: Principal, @Param('id') id: string) {
    return this.clients.get(caller, id);
  }

  @Delete(':id')
  @Access('oauth_client.manage', { stepUp: true })
  @Answers({ summary: 'Delete an OAuth client; its tokens and sockets end', status: 204 })
  delete(@Caller() caller: Principal, @Param('id') id: string) {
    return this.clients.delete(caller, id);
  }
}
