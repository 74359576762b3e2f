import { Body, Controller, Delete, Get, Header, Param, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../../../kernel/principal.ts';
import { Access, Answers, Caller, KeepsNoAnswer, PageQuery } from '../../../../platform/http/index.ts';
import {
  AuthorizationPage,
  ConsentQuery,
  ConsentResponse,
  CreateAuthorization,
  NewAuthorizationResponse,
} from './authorizations.schemas.ts';
import { Authorizations } from './authorizations.service.ts';

/** What a consent page needs, and members' list of the apps that they have let in. */
@ApiTags('OAuth')
@Controller('v1/oauth')
export class AuthorizationsController {
  constructor(private readonly authorizations: Authorizations) {}

  @Get('consent')
  @Access('authenticated')
  @Header('cache-control', 'no-store')
  @Answers({ summary: 'What an app asks you for', body: ConsentResponse })
  consent(@Caller() caller: Principal, @Query({ schema: ConsentQuery }) query: ConsentQuery) {
    return this.authorizations.consent(caller, query);
  }

  @Post('authorizations')
  @KeepsNoAnswer()
  // Not `authenticated`: who has no second factor where one is demanded lets nobody in.
  @Access('tenant.read', { stepUp: true })
  @Header('cache-control', 'no-store')
  @Answers({ summary: 'Let an app in; gives the code for it', status: 201, body: NewAuthorizationResponse })
  authorize(@Caller() caller: Principal, @Body({ schema: CreateAuthorization }) body: CreateAuthorization) {
    return this.authorizations.authorize(caller, body);
  }

  @Get('authorizations')
  @Access('authenticated')
  @Answers({ summary: 'List the apps that you have let in, newest first', body: AuthorizationPage })
  list(@Caller() caller: Principal, @Query({ schema: PageQuery }) query: PageQuery) {
    return this.authorizations.list(caller, query);
  }

  @Delete('authorizations/:id')
  @Access('authenticated')
  @Answers({ summary: 'Let an app in no more; its tokens and sockets end', status: 204 })
  withdraw(@Caller() caller: Principal, @Param('id') id: string) {
    return this.authorizations.withdraw(caller, id);
  }
}
