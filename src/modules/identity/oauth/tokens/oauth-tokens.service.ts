import { Injectable } from '@nestjs/common';
import { newUuid, publicId } from '../../../../kernel/ids.ts';
import { auditTrail } from '../../../../platform/audit/index.ts';
import { TenantDatabase } from '../../../../platform/database/index.ts';
import { CredentialChanges } from '../../access/credential-changes.ts';
import { SessionLimits } from '../../sessions/session-limits.ts';
import { ClientAuthentication, type ProvenClient } from '../clients/client-authentication.ts';
import { LiveGrants } from '../grants/live-grants.ts';
import { OAuthGrantsRepository } from '../grants/oauth-grants.repository.ts';
import { oauthErrors } from '../oauth.errors.ts';
import type { OneTokenForm, TokenForm } from '../oauth.schemas.ts';
import type { OAuthRequest } from '../oauth-request.ts';
import { OAuthAccessTokens } from './oauth-access-tokens.ts';
import { askedScopes } from './scope-parameter.ts';

/** What clients do with tokens: get them, give them back, ask about them. */
@Injectable()
export class OAuthTokens {
  constructor(
    private readonly clients: ClientAuthentication,
    private readonly database: TenantDatabase,
    private readonly grants: OAuthGrantsRepository,
    private readonly live: LiveGrants,
    private readonly tokens: OAuthAccessTokens,
    private readonly limits: SessionLimits,
    private readonly changes: CredentialChanges,
  ) {}

  /** Gives tokens (RFC 6749 section 3.2). */
  async issue(request: OAuthRequest, form: TokenForm) {
    const client = await this.clients.prove(request, form);
    if (form.resource !== undefined && form.resource !== this.tokens.resource) throw oauthErrors.invalidTarget();
    if (form.grant_type !== 'client_credentials') throw oauthErrors.unsupportedGrantType();
    if (!client.grantTypes.includes(form.grant_type)) throw oauthErrors.unauthorizedClient();
    return this.forItself(client, form);
  }

  /** Ends the grant of a token, and with it every token that stands on it (RFC 7009). What is no token that counts is as good as revoked. */
  async revoke(request: OAuthRequest, form: OneTokenForm): Promise<void> {
    const client = await this.clients.prove(request, form);
    const { tenantId, id: clientId } = client;
    const verified = await this.tokens.verify(form.token);
    if (verified === undefined || verified.tenantId !== tenantId) return;
    if (verified.clientId !== clientId) throw oauthErrors.notYourToken();
    const { grantId } = verified;
    const revoked = await this.database.forTenant(tenantId, async (tx) => {
      const won = await this.grants.revoke(tx, tenantId, clientId, grantId);
      const object = { kind: 'oauth_grant', id: grantId } as const;
      if (won) auditTrail.record(tx, tenantId, { actor: { kind: 'oauth_client', id: clientId }, action: 'oauth_grant.revoke', object });
      return won;
    });
    if (revoked) this.changes.announce(tenantId);
  }

  /** What there is to say about a token of the client's own; of any other, that it is not active (RFC 7662). */
  async introspect(request: OAuthRequest, form: OneTokenForm) {
    const client = await this.clients.prove(request, form);
    const verified = await this.tokens.verify(form.token);
    if (verified === undefined || verified.tenantId !== client.tenantId || verified.clientId !== client.id) return { active: false };
    const { tenantId, grantId, userId, scopes, issuedAt, expiresAt, tokenId } = verified;
    if ((await this.live.find(tenantId, grantId)) === undefined) return { active: false };
    const clientId = publicId('oauthClient', client.id);
    return {
      active: true,
      scope: scopes.join(' '),
      client_id: clientId,
      token_type: 'Bearer',
      sub: userId === undefined ? clientId : publicId('user', userId),
      aud: this.tokens.resource,
      iss: this.tokens.resource,
      iat: issuedAt,
      exp: expiresAt,
      jti: tokenId,
    };
  }

  private async forItself({ tenantId, id: clientId, scopes: allowed }: ProvenClient, form: TokenForm) {
    const scopes = askedScopes(form.scope, allowed);
    const { accessTokenSeconds: seconds } = await this.limits.of(tenantId);
    const grantId = newUuid();
    await this.database.forTenant(tenantId, async (tx) => {
      await this.grants.insert(tx, tenantId, { id: grantId, clientId, userId: null, scopes, seconds });
      const object = { kind: 'oauth_grant', id: grantId } as const;
      auditTrail.record(tx, tenantId, { actor: { kind: 'oauth_client', id: clientId }, action: 'oauth_grant.issue', object });
    });
    const token = await this.tokens.issue({ tenantId, clientId, grantId, scopes }, seconds);
    return { access_token: token, token_type: 'Bearer' as const, expires_in: seconds, scope: scopes.join(' ') };
  }
}
