import { Injectable } from '@nestjs/common';
import { newUuid } from '../../../../kernel/ids.ts';
import { auditTrail } from '../../../../platform/audit/index.ts';
import { TenantDatabase } from '../../../../platform/database/index.ts';
import { SessionLimits } from '../../sessions/session-limits.ts';
import type { ProvenClient } from '../clients/client-authentication.ts';
import { OAuthGrantsRepository } from '../grants/oauth-grants.repository.ts';
import type { TokenForm } from '../oauth.schemas.ts';
import { OAuthAccessTokens } from './oauth-access-tokens.ts';
import { askedScopes } from './scope-parameter.ts';
import { tokenAnswer } from './token-answer.ts';

/** Tokens of a client for itself (RFC 6749 section 4.4). */
@Injectable()
export class ClientCredentials {
  constructor(
    private readonly database: TenantDatabase,
    private readonly grants: OAuthGrantsRepository,
    private readonly tokens: OAuthAccessTokens,
    private readonly limits: SessionLimits,
  ) {}

  /** A token that stands on a grant of its own, and ends with it. Throws 400 `invalid_scope`. */
  async issue({ tenantId, id: clientId, scopes: allowed }: ProvenClient, form: TokenForm) {
    const scopes = askedScopes(form.scope, allowed);
    const { accessTokenSeconds: seconds } = await this.limits.of(tenantId);
    const grantId = newUuid();
    await this.database.forTenant(tenantId, async (tx) => {
      await this.grants.insert(tx, tenantId, { id: grantId, clientId, scopes, seconds });
      const object = { kind: 'oauth_grant', id: grantId } as const;
      auditTrail.record(tx, tenantId, { actor: { kind: 'oauth_client', id: clientId }, action: 'oauth_grant.issue', object });
    });
    return tokenAnswer(await this.tokens.issue({ tenantId, clientId, grantId, scopes }, seconds), seconds, scopes);
  }
}
