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
  notYourToken: () => new AppError('invalid_grant', 400, 'This token is not one of this client.', { retryable: false }),

  clientNotFound: () => commonErrors.notFound('OAuth client'),
  tooManyClients: (limit: number) =>
    commonErrors.conflict('too_many_oauth_clients', `A tenant has at most ${limit} OAuth clients. Delete one first.`),
  unknownClientCursor: () => commonErrors.invalidRequest([{ path: 'after', message: 'must be the id of an OAuth client' }]),
};
