import { Injectable } from '@nestjs/common';
import { auditTrail } from '../../../../platform/audit/index.ts';
import { KeyedHash } from '../../../../platform/crypto/index.ts';
import { TenantDatabase } from '../../../../platform/database/index.ts';
import { CredentialChanges } from '../../access/credential-changes.ts';
import { SessionLimits } from '../../sessions/session-limits.ts';
import type { ProvenClient } from '../clients/client-authentication.ts';
import { codeHashOf } from '../grants/authorization-code.ts';
import { type CodeGrant, OAuthGrantsRepository } from '../grants/oauth-grants.repository.ts';
import { OAuthRefreshTokens } from '../grants/oauth-refresh-tokens.ts';
import { provesKey } from '../grants/proof-key.ts';
import { oauthErrors } from '../oauth.errors.ts';
import type { TokenForm } from '../oauth.schemas.ts';
import { MemberTokens } from './member-tokens.ts';

/** What came of a code inside the transaction. A revocation must be committed, so it is no exception. */
type Exchange = { outcome: 'given'; grant: CodeGrant; refreshToken: string } | { outcome: 'invalid' | 'replayed' };

/** Codes for tokens (RFC 6749 section 4.1.3, with PKCE always). */
@Injectable()
export class CodeExchange {
  constructor(
    private readonly database: TenantDatabase,
    private readonly grants: OAuthGrantsRepository,
    private readonly refreshTokens: OAuthRefreshTokens,
    private readonly hash: KeyedHash,
    private readonly limits: SessionLimits,
    private readonly tokens: MemberTokens,
    private readonly changes: CredentialChanges,
  ) {}

  /**
   * The first tokens of what a member gave. Throws 400 `invalid_grant`, the same for whatever is wrong with the code. One that its client hands in a second
   * time ends all that it gave: one of the two has stolen it.
   */
  async exchange(client: ProvenClient, form: TokenForm) {
    const { code, redirect_uri: redirectUri, code_verifier: verifier } = form;
    if (code === undefined || redirectUri === undefined || verifier === undefined)
      throw oauthErrors.invalidRequest('A code comes with redirect_uri and code_verifier.');
    const { tenantId } = client;
    const { sessionSeconds } = await this.limits.of(tenantId);
    const exchange = await this.database.forTenant(tenantId, async (tx): Promise<Exchange> => {
      const grant = await this.grants.lockByCode(tx, tenantId, codeHashOf(this.hash, tenantId, code));
      if (grant === undefined || grant.clientId !== client.id) return { outcome: 'invalid' };
      if (grant.used) {
        const object = { kind: 'oauth_grant', id: grant.id } as const;
        // Whoever came with it may not be the client.
        if (await this.grants.revoke(tx, tenantId, client.id, grant.id))
          auditTrail.record(tx, tenantId, { actor: { kind: 'anonymous' }, action: 'oauth_grant.code_reused', object, outcome: 'refused' });
        return { outcome: 'replayed' };
      }
      if (!grant.live || grant.redirectUri !== redirectUri || !provesKey(verifier, grant.codeChallenge)) return { outcome: 'invalid' };
      await this.grants.useCode(tx, tenantId, grant.id, sessionSeconds);
      return { outcome: 'given', grant, refreshToken: await this.refreshTokens.add(tx, tenantId, grant.id) };
    });
    if (exchange.outcome === 'replayed') this.changes.announce(tenantId);
    if (exchange.outcome !== 'given') throw oauthErrors.invalidGrant();
    const { grant, refreshToken } = exchange;
    return this.tokens.answer(tenantId, grant, grant.scopes, refreshToken);
  }
}
