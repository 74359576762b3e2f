import { AppError, commonErrors } from '../../../kernel/app-error.ts';

/** Error codes of RFC 6749 section 5.2, RFC 7009 section 2.2.1 and RFC 8707 that the OAuth endpoints answer with. */
export const oauthErrorCodes = [
  'invalid_request',
  'invalid_client',
  'invalid_grant',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_scope',
  'invalid_target',
  'temporarily_unavailable',
  'server_error',
] as const;

/** Everything that the OAuth endpoints refuse (first half), and what is refused where clients are managed. */
export const oauthErrors = {
  invalidRequest: (message: string) => new AppError('invalid_request', 400, message, { retryable: false }),
  /** The same for an unknown client, a wrong secret and a suspended tenant. RFC 6749 asks for the scheme in the answer. */
  invalidClient: () =>
    new AppError('invalid_client', 401, 'The client could not be authenticated.', {
      retryable: false,
      headers: { 'www-authenticate': 'Basic realm="oauth"' },
    }),
  unauthorizedClient: () => new AppError('unauthorized_client', 400, 'This client may not use this grant type.', { retryable: false }),
  unsupportedGrantType: () => new AppError('unsupported_grant_type', 400, 'There is no such grant type.', { retryable: false }),
  invalidScope: () => new AppError('invalid_scope', 400, 'A scope is unknown, or not one of this client.', { retryable: false }),
  invalidTarget: () => new AppError('invalid_target', 400, 'Tokens are for this API alone.', { retryable: false }),
  /** The same for a code or refresh token that is unknown, used, past its time, another client's, or whose member does not count any more. */
  invalidGrant: () => new AppError('invalid_grant', 400, 'This code or refresh token does not count (any more).', { retryable: false }),
  notYourToken: () => new AppError('invalid_grant', 400, 'This token is not one of this client.', { retryable: false }),

  clientNotFound: () => commonErrors.notFound('OAuth client'),
  grantNotFound: () => commonErrors.notFound('authorization'),
  unknownGrantCursor: () => commonErrors.invalidRequest([{ path: 'after', message: 'must be the id of an authorization' }]),
  membersOnly: () => commonErrors.forbidden('Only somebody who is signed in can let an app in.'),
  /** Never by a redirect: the address is the very thing that is in doubt. */
  redirectNotRegistered: () =>
    commonErrors.invalidRequest([{ path: 'redirect_uri', message: 'must be one that the client is registered with, to the letter' }]),
  noCodesForClient: () => commonErrors.invalidRequest([{ path: 'client_id', message: 'is a client that acts for itself only' }]),
  scopeNotHeld: () =>
    new AppError('scope_not_permitted', 403, 'An app cannot be given more than you may do.', { retryable: false, param: 'scope' }),
  tooManyClients: (limit: number) =>
    commonErrors.conflict('too_many_oauth_clients', `A tenant has at most ${limit} OAuth clients. Delete one first.`),
  unknownClientCursor: () => commonErrors.invalidRequest([{ path: 'after', message: 'must be the id of an OAuth client' }]),
};
