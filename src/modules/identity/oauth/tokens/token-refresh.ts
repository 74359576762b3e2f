import { Injectable } from '@nestjs/common';
import { commonErrors } from '../../../../kernel/app-error.ts';
import type { Permission } from '../../../../kernel/permissions.ts';
import { auditTrail } from '../../../../platform/audit/index.ts';
import { TenantDatabase, type Transaction } from '../../../../platform/database/index.ts';
import { CredentialChanges } from '../../access/credential-changes.ts';
import { SessionLimits } from '../../sessions/session-limits.ts';
import type { ProvenClient } from '../clients/client-authentication.ts';
import { OAuthGrantsRepository } from '../grants/oauth-grants.repository.ts';
import { OAuthRefreshTokens, type RefreshedGrant } from '../grants/oauth-refresh-tokens.ts';
import { oauthErrors } from '../oauth.errors.ts';
import type { TokenForm } from '../oauth.schemas.ts';
import { MemberTokens } from './member-tokens.ts';
import { askedScopes } from './scope-parameter.ts';

/** What came of a refresh token inside the transaction. A revocation must be committed, so it is no exception. */
type Refresh =
  | { outcome: 'refreshed'; grant: RefreshedGrant; scopes: Permission[]; refreshToken: string }
  | { outcome: 'invalid' | 'reused' | 'too-many' };

/** New refresh tokens of one grant at most within the grace time: retries of lost answers. */
const maxTokensWithinGrace = 10;

/**
 * Refresh tokens for the next tokens (RFC 6749 section 6). Each is used once, as those of sessions are (RFC 9700 section 4.14.2): one that comes again within the
 * grace time gets another successor, since its answer may have been lost; later it has been stolen, and the grant ends.
 */
@Injectable()
export class TokenRefresh {
  constructor(
    private readonly database: TenantDatabase,
    private readonly grants: OAuthGrantsRepository,
    private readonly refreshTokens: OAuthRefreshTokens,
    private readonly limits: SessionLimits,
    private readonly tokens: MemberTokens,
    private readonly changes: CredentialChanges,
  ) {}

  /** The next tokens. Throws 400 `invalid_grant`, and `invalid_scope` for more than was given. */
  async refresh(client: ProvenClient, form: TokenForm) {
    const { refresh_token: token } = form;
    if (token === undefined) throw oauthErrors.invalidRequest('There is no refresh_token.');
    const { tenantId } = client;
    const limits = await this.limits.of(tenantId);
    const refresh = await this.database.forTenant(tenantId, async (tx): Promise<Refresh> => {
      const grant = await this.refreshTokens.lock(tx, tenantId, token, limits);
      if (grant === undefined || grant.clientId !== client.id || !grant.live) return { outcome: 'invalid' };
      const scopes = askedScopes(form.scope, grant.scopes);
      const refused = await this.useUp(tx, tenantId, grant);
      if (refused !== undefined) return { outcome: refused };
      return { outcome: 'refreshed', grant, scopes, refreshToken: await this.refreshTokens.add(tx, tenantId, grant.id) };
    });
    if (refresh.outcome === 'reused') this.changes.announce(tenantId);
    if (refresh.outcome === 'too-many') throw commonErrors.rateLimited(this.limits.refreshGraceSeconds);
    if (refresh.outcome !== 'refreshed') throw oauthErrors.invalidGrant();
    return this.tokens.answer(tenantId, refresh.grant, refresh.scopes, refresh.refreshToken);
  }

  private async useUp(tx: Transaction, tenantId: string, grant: RefreshedGrant): Promise<'reused' | 'too-many' | undefined> {
    if (await this.refreshTokens.use(tx, tenantId, grant.tokenId)) return undefined;
    const { recent, made } = await this.refreshTokens.usedWithin(tx, tenantId, grant.tokenId, this.limits.refreshGraceSeconds);
    if (recent) return made >= maxTokensWithinGrace ? 'too-many' : undefined;
    await this.grants.revoke(tx, tenantId, grant.clientId, grant.id);
    const object = { kind: 'oauth_grant', id: grant.id } as const;
    auditTrail.record(tx, tenantId, { actor: { kind: 'anonymous' }, action: 'oauth_grant.token_reused', object, outcome: 'refused' });
    return 'reused';
  }
}
