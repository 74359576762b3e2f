import {
  authorizationCodeGrant,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  type Configuration,
  fetchUserInfo,
} from 'openid-client';
import type { ProviderRow } from '../providers/identity-providers.repository.ts';
import { type AssertedIdentity, claimedEmail, domainOf, type SignOnSecrets } from './asserted-identity.ts';

/** Where a browser goes to sign in at an OpenID Connect provider. */
export async function oidcStart(
  connection: Configuration,
  { scopes }: ProviderRow,
  redirectUri: string,
  { state, verifier, nonce }: SignOnSecrets,
): Promise<URL> {
  return buildAuthorizationUrl(connection, {
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: [...new Set(['openid', ...scopes])].join(' '),
    state,
    nonce,
    code_challenge: await calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  });
}

/**
 * Whom an OpenID Connect provider has signed in: the answer in `callback` is exchanged, and the ID token's signature, issuer, audience, times and nonce
 * are verified, as is `iss` in the answer (RFC 9207). Throws what openid-client throws.
 */
export async function oidcFinish(
  connection: Configuration,
  { kind }: ProviderRow,
  callback: URL,
  { state, verifier, nonce }: SignOnSecrets,
): Promise<AssertedIdentity> {
  const tokens = await authorizationCodeGrant(connection, callback, {
    expectedState: state,
    expectedNonce: nonce,
    pkceCodeVerifier: verifier,
    idTokenExpected: true,
  });
  const claims = tokens.claims();
  if (claims === undefined || claims.sub === '' || claims.sub.length > 255) throw new Error('an ID token names nobody');
  const asked = claims['email'] === undefined && connection.serverMetadata().userinfo_endpoint !== undefined;
  const said: Record<string, unknown> = asked ? await fetchUserInfo(connection, tokens.access_token, claims.sub) : claims;
  const email = claimedEmail(said['email']);
  return { subject: claims.sub, email, emailVerified: email !== undefined && isVerified(kind, email, said) };
}

/**
 * Google speaks for a mailbox that it does not keep only where its domain is a customer's (`hd`). Microsoft says that the domain of an e-mail was
 * verified by its owner in `xms_edov`, an optional claim; `email_verified` it does not have.
 */
function isVerified(kind: ProviderRow['kind'], email: string, said: Record<string, unknown>): boolean {
  if (kind === 'microsoft') return ['1', 'true'].includes(String(said['xms_edov']));
  if (!['true', true].some((yes) => said['email_verified'] === yes)) return false;
  return kind !== 'google' || domainOf(email) === 'gmail.com' || said['hd'] === domainOf(email);
}
