import { Injectable } from '@nestjs/common';
import { commonErrors } from '../../../kernel/app-error.ts';
import type { Principal } from '../../../kernel/principal.ts';
import { looksLikeOAuthToken } from '../oauth/tokens/oauth-token.strategy.ts';
import { ticketPrefix, Tickets } from '../tickets/tickets.ts';
import { type CredentialKind, CredentialPassport } from './credential-passport.ts';

/** What else a caller lets in. */
export interface AuthenticateOptions {
  /** True where a chat ticket counts as a credential; it is used up by the call. */
  ticket?: boolean;
  /** Value of the request's `Origin` header, to be compared with the ticket's. */
  origin?: string | undefined;
}

/** Turns a credential into a principal, the same for HTTP requests and socket upgrades. */
@Injectable()
export class Authenticator {
  constructor(
    private readonly passport: CredentialPassport,
    private readonly tickets: Tickets,
  ) {}

  /**
   * Who the bearer of this text is: an access token of a member or an OAuth client, an API key (`sk_…`, `pk_…`) or, where allowed, a ticket (`tkt_…`).
   * Throws 401 `unauthenticated`, or `ticket_invalid` and 403 `origin_not_allowed` for tickets.
   */
  async authenticate(bearer: string, options: AuthenticateOptions = {}): Promise<Principal> {
    if (bearer.startsWith(ticketPrefix)) {
      if (options.ticket !== true) throw commonErrors.unauthenticated();
      return this.tickets.redeem(bearer, options.origin);
    }
    return this.passport.principalOf(kindOf(bearer), bearer);
  }
}

function kindOf(bearer: string): CredentialKind {
  if (/^[sp]k_/.test(bearer)) return 'api-key';
  return looksLikeOAuthToken(bearer) ? 'oauth-token' : 'access-token';
}
