import { Body, Controller, Get, Param, Post, Query, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Access } from '../../../../platform/http/index.ts';
import { SamlProviders } from './saml-providers.service.ts';
import { SamlSignOn } from './saml-sign-on.ts';

const PostedResponse = z.object({ SAMLResponse: z.string().min(1).max(200_000), RelayState: z.string().max(1_000).optional() });
const LandQuery = z.object({ token: z.string().max(100) });

/** What SAML providers and the browsers that come from them ask; OpenAPI leaves it out. */
@ApiExcludeController()
@Controller('v1/auth/sso/saml')
export class SamlController {
  constructor(
    private readonly signOns: SamlSignOn,
    private readonly providers: SamlProviders,
  ) {}

  @Get(':provider/metadata')
  @Access('public')
  async metadata(@Param('provider') provider: string, @Res() reply: FastifyReply): Promise<void> {
    const xml = await this.providers.metadata(provider);
    void reply.header('content-type', 'application/samlmetadata+xml').send(xml);
  }

  @Post(':provider/acs')
  @Access('public')
  async consume(
    @Param('provider') provider: string,
    @Body({ schema: PostedResponse }) body: z.output<typeof PostedResponse>,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const location = await this.signOns.consume(provider, body, request.ip);
    void reply.status(303).headers({ location, 'cache-control': 'no-store' }).send();
  }

  @Get(':provider/land')
  @Access('public')
  async land(
    @Param('provider') provider: string,
    @Query({ schema: LandQuery }) query: z.output<typeof LandQuery>,
    @Req() { headers, ip }: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const { location, setCookie } = await this.signOns.land(provider, query.token, { cookies: headers.cookie, address: ip });
    void reply.status(302).headers({ location, 'set-cookie': setCookie, 'cache-control': 'no-store' }).send();
  }
}
