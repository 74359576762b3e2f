import { Injectable } from '@nestjs/common';
import { decodeJwt } from 'jose';
import passport from 'passport';
import { isPermission, type Permission, rolePermissions } from '../../../../kernel/permissions.ts';
import type { OAuthPrincipal } from '../../../../kernel/principal.ts';
import { toAppError } from '../../../../platform/http/index.ts';
import type { CredentialRequest } from '../../access/credential-request.ts';
import { accessTokenAudience } from '../../signing/access-tokens.ts';
import { LiveGrants } from '../grants/live-grants.ts';
import { OAuthAccessTokens } from './oauth-access-tokens.ts';

/** Passport strategy for access tokens of the OAuth server. */
@Injectable()
export class OAuthTokenStrategy extends passport.Strategy {
  override readonly name = 'oauth-token';

  constructor(
    private readonly tokens: OAuthAccessTokens,
    private readonly grants: LiveGrants,
  ) {
    super();
  }

  override authenticate(request: unknown): void {
    this.principalOf((request as CredentialRequest).credential).then(
      (principal) => (principal === undefined ? this.fail('unknown token', 401) : this.success(principal)),
      (error: unknown) => this.error(toAppError(error)),
    );
  }

  /** Who a token stands for right now: what it was given, less what its member may not do (any more). Undefined when it does not count. */
  async principalOf(token: string): Promise<OAuthPrincipal | undefined> {
    const verified = await this.tokens.verify(token);
    if (verified === undefined) return undefined;
    const { tenantId, clientId, grantId, userId, scopes, expiresAt } = verified;
    const live = await this.grants.find(tenantId, grantId);
    if (live === undefined || live.userId !== (userId ?? null)) return undefined;
    const { role } = live;
    const granted = scopes.filter(isPermission);
    const principal = { kind: 'oauth_client' as const, tenantId, clientId, grantId, expiresAt: expiresAt * 1_000 };
    if (userId === undefined) return { ...principal, permissions: new Set(granted) };
    if (role === null) return undefined;
    const permissions = new Set(granted.filter((permission: Permission) => rolePermissions[role].has(permission)));
    return { ...principal, member: { userId, role }, permissions };
  }
}

/** Whether a bearer is to be taken for a token of the OAuth server. Nothing is believed by that: whichever strategy gets it verifies all of it. */
export function looksLikeOAuthToken(bearer: string): boolean {
  try {
    return decodeJwt(bearer).aud !== accessTokenAudience;
  } catch {
    return false;
  }
}
