import { Body, Controller, Delete, Get, Header, Param, Post, Req, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Principal } from '../../../kernel/principal.ts';
import { Access, Answers, Caller, KeepsNoAnswer } from '../../../platform/http/index.ts';
import { LinkedIdentities } from './linked-identities.service.ts';
import { StartSignOn } from './sign-on/start-sign-on.ts';
import { DepartureResponse, LinkedIdentityList, LinkIdentity } from './sso.schemas.ts';

/** With which accounts at providers the caller signs in. */
@ApiTags('Single sign-on')
@Controller('v1/me/identities')
export class LinkedIdentitiesController {
  constructor(
    private readonly identities: LinkedIdentities,
    private readonly starts: StartSignOn,
  ) {}

  @Get()
  @Access('tenant.read')
  @Answers({ summary: 'List the accounts at identity providers that are linked to mine', body: LinkedIdentityList })
  list(@Caller() caller: Principal) {
    return this.identities.list(caller);
  }

  @Post()
  @KeepsNoAnswer()
  @Access('tenant.read', { stepUp: true })
  @Header('cache-control', 'no-store')
  @Answers({ summary: 'Begin to link an account at an identity provider to mine', body: DepartureResponse })
  async link(
    @Caller() caller: Principal,
    @Body({ schema: LinkIdentity }) body: LinkIdentity,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    const browser = { cookies: request.headers.cookie, address: request.ip };
    const { location, setCookie } = await this.starts.link(caller, body.provider_id, body.return_to, browser);
    void reply.header('set-cookie', setCookie);
    return { object: 'sign_on' as const, url: location };
  }

  @Delete(':id')
  @Access('tenant.read', { stepUp: true })
  @Answers({ summary: 'End such a link', status: 204 })
  remove(@Caller() caller: Principal, @Param('id') id: string) {
    return this.identities.remove(caller, id);
  }
}
