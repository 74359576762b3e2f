import { Body, Controller, Header, Post, Req, UseFilters } from '@nestjs/common';
import { ApiConsumes, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { Access, Answers } from '../../../platform/http/index.ts';
import { IntrospectionResponse, OAuthErrorResponse, OAuthTokenResponse, OneTokenForm, TokenForm } from './oauth.schemas.ts';
import { OAuthErrorFilter } from './oauth-error.filter.ts';
import { oauthRequestOf } from './oauth-request.ts';
import { GivenTokens } from './tokens/given-tokens.ts';
import { OAuthTokens } from './tokens/oauth-tokens.service.ts';

/** The endpoints of the OAuth server. Public to the guard: clients prove themselves in the ways of RFC 6749, which the service does. */
@ApiTags('OAuth')
@ApiConsumes('application/x-www-form-urlencoded')
@UseFilters(OAuthErrorFilter)
@Controller('oauth')
export class OAuthController {
  constructor(
    private readonly tokens: OAuthTokens,
    private readonly given: GivenTokens,
  ) {}

  @Post('token')
  @Access('public')
  @Header('cache-control', 'no-store')
  @Answers({ summary: 'Get tokens (RFC 6749)', body: OAuthTokenResponse, error: OAuthErrorResponse })
  token(@Body({ schema: TokenForm }) form: TokenForm, @Req() request: FastifyRequest) {
    return this.tokens.issue(oauthRequestOf(request), form);
  }

  @Post('revoke')
  @Access('public')
  @Header('cache-control', 'no-store')
  @Answers({ summary: 'Give a token back (RFC 7009)', error: OAuthErrorResponse })
  revoke(@Body({ schema: OneTokenForm }) form: OneTokenForm, @Req() request: FastifyRequest) {
    return this.given.revoke(oauthRequestOf(request), form);
  }

  @Post('introspect')
  @Access('public')
  @Header('cache-control', 'no-store')
  @Answers({ summary: 'Ask about a token of your own (RFC 7662)', body: IntrospectionResponse, error: OAuthErrorResponse })
  introspect(@Body({ schema: OneTokenForm }) form: OneTokenForm, @Req() request: FastifyRequest) {
    return this.given.introspect(oauthRequestOf(request), form);
  }
}
