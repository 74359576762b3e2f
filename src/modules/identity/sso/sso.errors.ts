import { AppError, commonErrors } from '../../../kernel/app-error.ts';

/** Why a single sign-on did not come to its end, as the page is told. Each is one of these words, never a provider's own text. */
export const signOnFailures = ['denied', 'failed', 'unavailable', 'email_unverified', 'not_a_member', 'link_refused'] as const;
/** Why a single sign-on did not come to its end. */
export type SignOnFailure = (typeof signOnFailures)[number];

/** A sign-on that ends on the page with a reason. */
export class SignOnFailed extends Error {
  override name = 'SignOnFailed';

  constructor(
    readonly reason: SignOnFailure,
    cause?: unknown,
  ) {
    super(`single sign-on: ${reason}`, cause === undefined ? undefined : { cause });
  }
}

/** Everything that single sign-on refuses. */
export const ssoErrors = {
  providerNotFound: () => commonErrors.notFound('identity provider'),
  linkNotFound: () => commonErrors.notFound('linked identity'),
  tooManyProviders: (limit: number) =>
    commonErrors.conflict('too_many_identity_providers', `A tenant has at most ${limit} identity providers. Delete one first.`),
  providerUnreachable: (cause: unknown) =>
    new AppError(
      'identity_provider_unreachable',
      422,
      'This issuer does not answer with its discovery document, or is not who the document says.',
      { retryable: false, param: 'issuer', cause },
    ),
  addressNotAllowed: () =>
    new AppError('address_not_allowed', 422, 'An issuer must be https and on the public internet.', { retryable: false, param: 'issuer' }),
  returnPathNotListed: () =>
    commonErrors.invalidRequest([{ path: 'return_to', message: 'must be one of the paths that the operator has listed' }]),
  flowInvalid: () =>
    new AppError('sso_flow_invalid', 400, 'This sign-in was not begun in this browser, or has been used or has expired. Begin again.', {
      retryable: false,
    }),
  codeInvalid: () =>
    new AppError('sso_code_invalid', 401, 'This code does not count (any more) in this browser. Begin again.', { retryable: false }),
  proofRequired: () =>
    new AppError(
      'sso_proof_required',
      401,
      'There is an account with this e-mail. Its password is asked for once, to link it. Begin again.',
      {
        retryable: false,
        param: 'password',
      },
    ),
  required: () =>
    new AppError('sso_required', 403, 'People of this domain sign in with their identity provider, not with a password.', {
      retryable: false,
    }),
  domainNotFound: () => commonErrors.notFound('domain'),
  domainTaken: (limit: number) =>
    commonErrors.conflict('domain_not_added', `This domain is in the list already, or the list has ${limit} domains, which is the most.`),
  domainNotVerified: () => commonErrors.conflict('domain_not_verified', 'This domain has not been proven to be yours.'),
  nothingToSignInWith: () =>
    commonErrors.conflict('no_identity_provider', 'There is no enabled identity provider with which people could sign in.'),
  noBreakGlass: () =>
    commonErrors.invalidRequest([
      { path: 'break_glass_user_id', message: 'must be an owner, who can sign in with a password in an emergency' },
    ]),
  authoritativeKind: () =>
    commonErrors.invalidRequest([{ path: 'authoritative', message: 'is for a directory of your own: anybody can have an account there' }]),
  notSaml: () =>
    commonErrors.invalidRequest([{ path: 'certificates', message: 'and entry_point and idp_initiated are for providers that speak SAML' }]),
  notOAuth: () =>
    commonErrors.invalidRequest([
      { path: '', message: 'client_id, client_secret, scopes, join_domains and authoritative are not for SAML' },
    ]),
  linkSignedIn: () =>
    new AppError(
      'sso_link_signed_in',
      403,
      'This account has a second factor. Sign in with it, and link the account at the provider then.',
      {
        retryable: false,
      },
    ),
  usersOnly: () => commonErrors.forbidden('Only somebody who is signed in can link an account of theirs.'),
};
