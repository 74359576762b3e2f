import { Injectable } from '@nestjs/common';
import { ClientAuthentication } from '../clients/client-authentication.ts';
import { isGrantType } from '../clients/oauth-clients.repository.ts';
import { oauthErrors } from '../oauth.errors.ts';
import type { TokenForm } from '../oauth.schemas.ts';
import type { OAuthRequest } from '../oauth-request.ts';
import { ClientCredentials } from './client-credentials.ts';
import { CodeExchange } from './code-exchange.ts';
import { OAuthAccessTokens } from './oauth-access-tokens.ts';
import { TokenRefresh } from './token-refresh.ts';

/** The token endpoint (RFC 6749 section 3.2). */
@Injectable()
export class OAuthTokens {
  constructor(
    private readonly clients: ClientAuthentication,
    private readonly tokens: OAuthAccessTokens,
    private readonly ownTokens: ClientCredentials,
    private readonly codes: CodeExchange,
    private readonly refreshes: TokenRefresh,
  ) {}

  /** Gives tokens. Who may use codes may refresh what they gave. */
  async issue(request: OAuthRequest, form: TokenForm) {
    const client = await this.clients.prove(request, form);
    if (form.resource !== undefined && form.resource !== this.tokens.resource) throw oauthErrors.invalidTarget();
    const type = form.grant_type === 'refresh_token' ? 'authorization_code' : form.grant_type;
    if (!isGrantType(type)) throw oauthErrors.unsupportedGrantType();
    if (!client.grantTypes.includes(type)) throw oauthErrors.unauthorizedClient();
    if (type === 'client_credentials') return this.ownTokens.issue(client, form);
    return form.grant_type === 'refresh_token' ? this.refreshes.refresh(client, form) : this.codes.exchange(client, form);
  }
}
