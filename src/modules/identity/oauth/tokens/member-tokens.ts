import { Injectable } from '@nestjs/common';
import { SessionLimits } from '../../sessions/session-limits.ts';
import { LiveGrants } from '../grants/live-grants.ts';
import { oauthErrors } from '../oauth.errors.ts';
import { OAuthAccessTokens } from './oauth-access-tokens.ts';
import { tokenAnswer } from './token-answer.ts';

/** Tokens on behalf of a member. */
@Injectable()
export class MemberTokens {
  constructor(
    private readonly live: LiveGrants,
    private readonly tokens: OAuthAccessTokens,
    private readonly limits: SessionLimits,
  ) {}

  /** The answer to who has a grant. Throws 400 `invalid_grant` where its member does not count (any more). */
  async answer(tenantId: string, grant: { id: string; clientId: string; userId: string }, scopes: readonly string[], refreshToken: string) {
    const { id: grantId, clientId, userId } = grant;
    if ((await this.live.find(tenantId, grantId)) === undefined) throw oauthErrors.invalidGrant();
    const { accessTokenSeconds: seconds } = await this.limits.of(tenantId);
    const token = await this.tokens.issue({ tenantId, clientId, grantId, userId, scopes }, seconds);
    return tokenAnswer(token, seconds, scopes, refreshToken);
  }
}
