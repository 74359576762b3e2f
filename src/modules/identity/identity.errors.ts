import { AppError, commonErrors } from '../../kernel/app-error.ts';

/** A limit that was hit, for the headers of the answer. */
export interface HitLimit {
  name: string;
  /** Requests per window. */
  quota: number;
  /** Seconds. */
  window: number;
  /** Seconds until the window ends. */
  resetSeconds: number;
}

/** Everything that identity refuses. */
export const identityErrors = {
  invalidCredentials: () => new AppError('invalid_credentials', 401, 'E-mail or password is wrong.', { retryable: false }),
  refreshTokenInvalid: () =>
    new AppError('refresh_token_invalid', 401, 'This refresh token does not count (any more). Sign in again.', { retryable: false }),
  refreshTokenReused: () =>
    new AppError('refresh_token_reused', 401, 'This refresh token was used before, so its session has been revoked. Sign in again.', {
      retryable: false,
    }),
  secondFactorDemanded: () =>
    new AppError('second_factor_demanded', 403, 'Your tenant demands a second factor. Add one first: POST /v1/second-factors/totp.', {
      retryable: false,
    }),
  stepUpRequired: (maxAge: number) =>
    new AppError('step_up_required', 403, 'Prove yourself once more for this: POST /v1/auth/step-up.', {
      retryable: false,
      // RFC 9470.
      headers: { 'www-authenticate': `Bearer error="insufficient_user_authentication", max_age="${maxAge}"` },
    }),
  factorNotFound: () => commonErrors.notFound('second factor'),
  /** 401 for who is not signed in yet; 422 for who is: their credential counts, what they sent does not. */
  factorRefused: (status: 401 | 422) =>
    new AppError('second_factor_refused', status, 'This is no valid proof, or it was used before.', { retryable: false }),
  secondStepExpired: () =>
    new AppError('second_step_expired', 401, 'This sign-in has expired. Begin again with your password.', { retryable: false }),
  factorNeeded: () =>
    commonErrors.conflict('second_factor_needed', 'Your tenant demands a second factor, and this is your only one. Add another one first.'),
  tooManyFactors: (limit: number) =>
    commonErrors.conflict('too_many_second_factors', `You can have ${limit} second factors. Remove one first.`),
  sessionMoved: () =>
    new AppError('session_moved', 401, 'This session was opened in another browser, so it has been revoked. Sign in again.', {
      retryable: false,
    }),
  sessionNotFound: () => commonErrors.notFound('session'),
  visitorTokenInvalid: () =>
    new AppError('visitor_token_invalid', 401, 'This visitor token does not count (any more).', { retryable: false }),
  identityTokenInvalid: () =>
    new AppError(
      'identity_token_invalid',
      401,
      "This identity token does not count: it must be signed with one of the tenant's identity keys (`alg`, `kid`), name a visitor (`sub`) and this bot or tenant (`aud`), and expire within 24 hours (`exp`).",
      { retryable: false, param: 'identity_token' },
    ),
  identityTokenExpired: () =>
    new AppError('identity_token_expired', 401, 'This identity token has expired. Get a new one from your server.', {
      retryable: false,
      param: 'identity_token',
    }),
  visitorBanned: () => new AppError('visitor_banned', 403, 'This visitor is not let in any more.', { retryable: false }),
  visitorNotFound: () => commonErrors.notFound('visitor'),
  identityKeyNotFound: () => commonErrors.notFound('identity key'),
  tooManyIdentityKeys: (limit: number) =>
    commonErrors.conflict('too_many_identity_keys', `A tenant has at most ${limit} identity keys. Revoke one first.`),
  unknownIdentityKeyCursor: () => commonErrors.invalidRequest([{ path: 'after', message: 'must be the id of an identity key' }]),
  notAKey: () => commonErrors.invalidRequest([{ path: 'public_key', message: 'is no point on P-256' }]),
  ticketInvalid: () =>
    new AppError('ticket_invalid', 401, 'This ticket is unknown, used or expired. Ask for a new one.', { retryable: false }),
  originNotAllowed: () => new AppError('origin_not_allowed', 403, 'This ticket was issued to another origin.', { retryable: false }),
  scopeNotHeld: () =>
    new AppError('scope_not_permitted', 403, 'A key cannot be given more than the caller may do.', { retryable: false, param: 'scopes' }),
  memberNotFound: () => commonErrors.notFound('member'),
  invitationNotFound: () => commonErrors.notFound('invitation'),
  invitationInvalid: () =>
    new AppError('invitation_invalid', 401, 'This invitation is unknown, used, taken back or expired. Ask for a new one.', {
      retryable: false,
    }),
  recoveryTokenInvalid: () =>
    new AppError('recovery_token_invalid', 401, 'This link is unknown, used or expired. Ask for a new one.', { retryable: false }),
  noMail: () =>
    new AppError('mail_unavailable', 503, 'This installation sends no mail. Ask whoever runs it to set SMTP_URL.', { retryable: false }),
  alreadyMember: () => commonErrors.conflict('already_member', 'This account is a member of the tenant already.'),
  rankTooLow: () =>
    new AppError('role_not_permitted', 403, 'Only somebody with that role or a higher one may do this.', { retryable: false }),
  lastOwner: () =>
    commonErrors.conflict('last_owner', 'This is the only owner of the tenant. Make somebody else an owner first, or delete the tenant.'),
  apiKeyNotFound: () => commonErrors.notFound('API key'),
  botNotFound: () => commonErrors.notFound('bot'),
  alreadyRolled: () => commonErrors.conflict('api_key_already_rolled', 'This key has a successor already; roll that one.'),
  expiryInThePast: () => commonErrors.invalidRequest([{ path: 'expires_at', message: 'must be in the future' }]),
  unknownCursor: () => commonErrors.invalidRequest([{ path: 'after', message: 'must be the id of an API key' }]),
  externalIdLength: () => commonErrors.invalidRequest([{ path: 'visitor_id', message: 'must have 1 to 200 characters' }]),
  busy: () => commonErrors.unavailable('Too many people are signing in right now. Try again in a moment.', 1),
  limitsUnavailable: (cause: unknown) => commonErrors.unavailable('A part of the service cannot be reached right now.', 2, cause),
  tooManyAttempts: (limit: HitLimit) =>
    new AppError('rate_limited', 429, 'Too many attempts. Try again later.', {
      retryAfter: limit.resetSeconds,
      headers: {
        'ratelimit-policy': `"${limit.name}";q=${limit.quota};w=${limit.window}`,
        ratelimit: `"${limit.name}";r=0;t=${limit.resetSeconds}`,
      },
    }),
};
