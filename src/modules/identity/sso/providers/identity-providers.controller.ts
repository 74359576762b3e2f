import { Body, Controller, Delete, Get, Param, Patch, Post, Query } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Principal } from '../../../../kernel/principal.ts';
import { Access, Answers, Caller, PageQuery } from '../../../../platform/http/index.ts';
import {
  CreateIdentityProvider,
  IdentityProviderPage,
  IdentityProviderResponse,
  UpdateIdentityProvider,
} from './identity-providers.schemas.ts';
import { SamlProviders } from '../saml/saml-providers.service.ts';
import { CreateSamlProvider } from '../saml/saml.schemas.ts';
import { IdentityProviders } from './identity-providers.service.ts';

/** A tenant's identity providers over REST. */
@ApiTags('Single sign-on')
@Controller('v1/identity-providers')
export class IdentityProvidersController {
  constructor(
    private readonly providers: IdentityProviders,
    private readonly saml: SamlProviders,
  ) {}

  @Post()
  @Access('identity_provider.manage', { stepUp: true })
  @Answers({ summary: 'Connect an identity provider', status: 201, body: IdentityProviderResponse })
  create(@Caller() caller: Principal, @Body({ schema: CreateIdentityProvider }) body: CreateIdentityProvider) {
    return this.providers.create(caller, body);
  }

  @Post('saml')
  @Access('identity_provider.manage', { stepUp: true })
  @Answers({ summary: 'Connect an identity provider that speaks SAML', status: 201, body: IdentityProviderResponse })
  createSaml(@Caller() caller: Principal, @Body({ schema: CreateSamlProvider }) body: CreateSamlProvider) {
    return this.saml.create(caller, body);
  }

  @Get()
  @Access('identity_provider.read')
  @Answers({ summary: 'List identity providers, newest first', body: IdentityProviderPage })
  list(@Caller() caller: Principal, @Query({ schema: PageQuery }) query: PageQuery) {
    return this.providers.list(caller, query);
  }

  @Get(':id')
  @Access('identity_provider.read')
  @Answers({ summary: 'Get an identity provider', body: IdentityProviderResponse })
  get(@Caller() caller: Principal, @Param('id') id: string) {
    return this.providers.get(caller, id);
  }

  @Patch(':id')
  @Access('identity_provider.manage', { stepUp: true })
  @Answers({ summary: 'Change an identity provider', body: IdentityProviderResponse })
  update(@Caller() caller: Principal, @Param('id') id: string, @Body({ schema: UpdateIdentityProvider }) body: UpdateIdentityProvider) {
    return this.providers.update(caller, id, body);
  }

  @Delete(':id')
  @Access('identity_provider.manage', { stepUp: true })
  @Answers({ summary: 'Delete an identity provider with its links; its sessions end', status: 204 })
  delete(@Caller() caller: Principal, @Param('id') id: string) {
    return this.providers.delete(caller, id);
  }
}
