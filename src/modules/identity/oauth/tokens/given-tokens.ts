import { Injectable } from '@nestjs/common';
import { publicId } from '../../../../kernel/ids.ts';
import { auditTrail } from '../../../../platform/audit/index.ts';
import { TenantDatabase } from '../../../../platform/database/index.ts';
import { CredentialChanges } from '../../access/credential-changes.ts';
import { ClientAuthentication, type ProvenClient } from '../clients/client-authentication.ts';
import { LiveGrants } from '../grants/live-grants.ts';
import { OAuthGrantsRepository } from '../grants/oauth-grants.repository.ts';
import { OAuthRefreshTokens } from '../grants/oauth-refresh-tokens.ts';
import { oauthErrors } from '../oauth.errors.ts';
import type { OneTokenForm } from '../oauth.schemas.ts';
import type { OAuthRequest } from '../oauth-request.ts';
import { OAuthAccessTokens, type VerifiedOAuthToken } from './oauth-access-tokens.ts';

/** What clients do with tokens that they have: give them back, ask about them. */
@Injectable()
export class GivenTokens {
  constructor(
    private readonly clients: ClientAuthentication,
    private readonly database: TenantDatabase,
    private readonly grants: OAuthGrantsRepository,
    private readonly refreshTokens: OAuthRefreshTokens,
    private readonly live: LiveGrants,
    private readonly tokens: OAuthAccessTokens,
    private readonly changes: CredentialChanges,
  ) {}

  /** Ends the grant of a token, and with it every token that stands on it (RFC 7009). What is no token that counts is as good as revoked. */
  async revoke(request: OAuthRequest, form: OneTokenForm): Promise<void> {
    const client = await this.clients.prove(request, form);
    const { tenantId, id: clientId } = client;
    const grant = await this.grantOf(client, form.token);
    if (grant === undefined) return;
    if (grant.clientId !== clientId) throw oauthErrors.notYourToken();
    const revoked = await this.database.forTenant(tenantId, async (tx) => {
      const won = await this.grants.revoke(tx, tenantId, clientId, grant.id);
      const object = { kind: 'oauth_grant', id: grant.id } as const;
      if (won) auditTrail.record(tx, tenantId, { actor: { kind: 'oauth_client', id: clientId }, action: 'oauth_grant.revoke', object });
      return won;
    });
    if (revoked) this.changes.announce(tenantId);
  }

  /** What there is to say about an access token of the client's own; of any other, that it is not active (RFC 7662). A public client proves nothing, so it learns nothing. */
  async introspect(request: OAuthRequest, form: OneTokenForm) {
    const client = await this.clients.prove(request, form);
    if (client.secretHint === null) throw oauthErrors.invalidClient();
    const verified = await this.tokens.verify(form.token);
    if (verified === undefined || verified.tenantId !== client.tenantId || verified.clientId !== client.id) return { active: false };
    if ((await this.live.find(client.tenantId, verified.grantId)) === undefined) return { active: false };
    return this.described(verified);
  }

  private described({ clientId, userId, scopes, issuedAt, expiresAt, tokenId }: VerifiedOAuthToken) {
    const client = publicId('oauthClient', clientId);
    return {
      active: true,
      scope: scopes.join(' '),
      client_id: client,
      token_type: 'Bearer',
      sub: userId === undefined ? client : publicId('user', userId),
      aud: this.tokens.resource,
      iss: this.tokens.resource,
      iat: issuedAt,
      exp: expiresAt,
      jti: tokenId,
    };
  }

  /** The grant that an access or a refresh token of the tenant stands on. */
  private async grantOf({ tenantId }: ProvenClient, token: string): Promise<{ id: string; clientId: string } | undefined> {
    const verified = await this.tokens.verify(token);
    if (verified !== undefined) return verified.tenantId === tenantId ? { id: verified.grantId, clientId: verified.clientId } : undefined;
    return this.database.forTenant(tenantId, (tx) => this.refreshTokens.find(tx, tenantId, token));
  }
}
