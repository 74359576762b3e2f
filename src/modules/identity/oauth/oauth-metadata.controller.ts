import { Controller, Get, Header, Inject } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { permissions } from '../../../kernel/permissions.ts';
import { Access, Answers, type HttpConfig, httpConfig, publicUrlOf } from '../../../platform/http/index.ts';
import { grantTypes } from './clients/oauth-clients.repository.ts';

const Texts = z.array(z.string());

/** RFC 8414 section 2. */
const ServerMetadata = z
  .object({
    issuer: z.string(),
    token_endpoint: z.string(),
    revocation_endpoint: z.string(),
    introspection_endpoint: z.string(),
    jwks_uri: z.string(),
    scopes_supported: Texts,
    response_types_supported: Texts,
    grant_types_supported: Texts,
    code_challenge_methods_supported: Texts,
    authorization_response_iss_parameter_supported: z.boolean(),
    token_endpoint_auth_methods_supported: Texts,
    revocation_endpoint_auth_methods_supported: Texts,
    introspection_endpoint_auth_methods_supported: Texts,
  })
  .meta({ id: 'OAuthServerMetadata' });

/** RFC 9728 section 2. */
const ResourceMetadata = z
  .object({
    resource: z.string(),
    authorization_servers: Texts,
    jwks_uri: z.string(),
    scopes_supported: Texts,
    bearer_methods_supported: Texts,
  })
  .meta({ id: 'OAuthResourceMetadata' });

const proofs = ['client_secret_basic', 'client_secret_post'];

/** What the OAuth server and the API say of themselves, for libraries that set themselves up. */
@ApiTags('OAuth')
@Controller('.well-known')
export class OAuthMetadataController {
  private readonly url: string;

  constructor(@Inject(httpConfig.token) http: HttpConfig) {
    this.url = publicUrlOf(http);
  }

  @Get('oauth-authorization-server')
  @Access('public')
  @Header('cache-control', 'public, max-age=300')
  @Answers({ summary: 'The OAuth server about itself (RFC 8414)', body: ServerMetadata })
  server(): z.input<typeof ServerMetadata> {
    return {
      issuer: this.url,
      token_endpoint: `${this.url}/oauth/token`,
      revocation_endpoint: `${this.url}/oauth/revoke`,
      introspection_endpoint: `${this.url}/oauth/introspect`,
      jwks_uri: `${this.url}/.well-known/jwks.json`,
      scopes_supported: [...permissions],
      response_types_supported: ['code'],
      grant_types_supported: [...grantTypes, 'refresh_token'],
      code_challenge_methods_supported: ['S256'],
      authorization_response_iss_parameter_supported: true,
      token_endpoint_auth_methods_supported: [...proofs, 'none'],
      revocation_endpoint_auth_methods_supported: [...proofs, 'none'],
      introspection_endpoint_auth_methods_supported: proofs,
    };
  }

  @Get('oauth-protected-resource')
  @Access('public')
  @Header('cache-control', 'public, max-age=300')
  @Answers({ summary: 'The API about itself (RFC 9728)', body: ResourceMetadata })
  resource(): z.input<typeof ResourceMetadata> {
    return {
      resource: this.url,
      authorization_servers: [this.url],
      jwks_uri: `${this.url}/.well-known/jwks.json`,
      scopes_supported: [...permissions],
      bearer_methods_supported: ['header'],
    };
  }
}
