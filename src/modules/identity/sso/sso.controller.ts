import { Body, Controller, Get, Header, Ip, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiExcludeEndpoint, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Access, Answers } from '../../../platform/http/index.ts';
import { SessionResponse } from '../sign-in/auth.schemas.ts';
import { ProviderDiscovery } from './provider-discovery.ts';
import { ExchangeSignOn } from './sign-on/exchange-sign-on.ts';
import { FinishSignOn } from './sign-on/finish-sign-on.ts';
import { StartSignOn } from './sign-on/start-sign-on.ts';
import { DiscoverProviders, ExchangeCode, OfferedProvidersResponse, StartQuery } from './sso.schemas.ts';

/** Single sign-on: two routes for browsers as whole pages, which OpenAPI leaves out, and two for programs. */
@ApiTags('Single sign-on')
@Controller('v1/auth/sso')
export class SsoController {
  constructor(
    private readonly starts: StartSignOn,
    private readonly finishes: FinishSignOn,
    private readonly exchanges: ExchangeSignOn,
    private readonly discovery: ProviderDiscovery,
  ) {}

  @Post('discover')
  @Access('public')
  @Header('cache-control', 'no-store')
  @Answers({ summary: 'Which identity providers somebody may sign in with', body: OfferedProvidersResponse })
  discover(@Body({ schema: DiscoverProviders }) body: DiscoverProviders, @Ip() address: string) {
    return this.discovery.discover(body, address);
  }

  @Post('exchange')
  @Access('public')
  @Header('cache-control', 'no-store')
  @Answers({ summary: 'Exchange the one-time code of a single sign-on for tokens', body: SessionResponse })
  exchange(@Body({ schema: ExchangeCode }) body: ExchangeCode, @Req() request: FastifyRequest) {
    return this.exchanges.exchange(body, browserOf(request));
  }

  @Get(':provider/start')
  @Access('public')
  @ApiExcludeEndpoint()
  async start(
    @Param('provider') provider: string,
    @Query({ schema: StartQuery }) query: StartQuery,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { location, setCookie } = await this.starts.signIn(provider, query.return_to, browserOf(request));
    void reply.header('set-cookie', setCookie);
    go(reply, location);
  }

  @Get('callback/:provider')
  @Access('public')
  @ApiExcludeEndpoint()
  async callback(@Param('provider') provider: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const at = request.url.indexOf('?');
    go(reply, await this.finishes.callback(provider, at === -1 ? '' : request.url.slice(at), browserOf(request)));
  }
}

function browserOf({ headers, ip }: FastifyRequest) {
  return { cookies: headers.cookie, address: ip };
}

function go(reply: FastifyReply, location: string): void {
  void reply.status(302).headers({ location, 'cache-control': 'no-store' }).send();
}
