import { Injectable } from '@nestjs/common';
import passport from 'passport';
import { AppError, commonErrors } from '../../../kernel/app-error.ts';
import type { Principal } from '../../../kernel/principal.ts';
import { AccessTokenStrategy } from './access-token.strategy.ts';
import { OAuthTokenStrategy } from '../oauth/tokens/oauth-token.strategy.ts';
import { ApiKeyStrategy } from './api-key.strategy.ts';
import type { CredentialRequest } from './credential-request.ts';

/** Name of a strategy. */
export type CredentialKind = 'access-token' | 'api-key' | 'oauth-token';

type Middleware = (request: CredentialRequest, response: undefined, next: (error: unknown) => void) => void;

/** Passport with our strategies: an instance of its own, since the library's global one is shared by all applications of a process. */
@Injectable()
export class CredentialPassport {
  private readonly passport = new passport.Passport();

  constructor(accessTokens: AccessTokenStrategy, apiKeys: ApiKeyStrategy, oauthTokens: OAuthTokenStrategy) {
    this.passport.use('access-token', accessTokens);
    this.passport.use('api-key', apiKeys);
    this.passport.use('oauth-token', oauthTokens);
  }

  /** Who a credential stands for. Throws 401 when nobody, and passes on what went wrong (a database away) as it is. */
  principalOf(kind: CredentialKind, credential: string): Promise<Principal> {
    return new Promise((resolve, reject) => {
      const answer = (error: unknown, principal: Principal | false | null | undefined, info: unknown) => {
        if (error !== null && error !== undefined) reject(error);
        else if (principal !== false && principal !== null && principal !== undefined) resolve(principal);
        else reject(info instanceof AppError ? info : commonErrors.unauthenticated());
      };
      const middleware = this.passport.authenticate(kind, { session: false }, answer) as Middleware;
      middleware({ credential }, undefined, reject);
    });
  }
}
