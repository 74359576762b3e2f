import {
  authorizationCodeGrant,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  type Configuration,
  fetchProtectedResource,
  type ServerMetadata,
} from 'openid-client';
import { z } from 'zod';
import { githubUrl } from '../providers/provider-kinds.ts';
import type { ProviderRow } from '../providers/identity-providers.repository.ts';
import { type AssertedIdentity, claimedEmail, type SignOnSecrets } from './asserted-identity.ts';

const User = z.object({ id: z.int().positive() });
const Emails = z.array(z.object({ email: z.string(), primary: z.boolean(), verified: z.boolean() }));

/** Where GitHub, or a GitHub server of one's own, has its OAuth endpoints. */
export function githubMetadata(url: string): ServerMetadata {
  const base = url.replace(/\/+$/, '');
  return {
    issuer: url,
    authorization_endpoint: `${base}/login/oauth/authorize`,
    token_endpoint: `${base}/login/oauth/access_token`,
    token_endpoint_auth_methods_supported: ['client_secret_post'],
  };
}

/** Where a browser goes to sign in at GitHub. */
export async function githubStart(
  connection: Configuration,
  { scopes }: ProviderRow,
  redirectUri: string,
  { state, verifier }: SignOnSecrets,
): Promise<URL> {
  return buildAuthorizationUrl(connection, {
    redirect_uri: redirectUri,
    scope: scopes.join(' '),
    state,
    code_challenge: await calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  });
}

/**
 * Whom GitHub has signed in: by its number, since a name can be given to somebody else, and the primary e-mail, if it is verified. Throws what openid-client
 * throws, and ZodError for an answer of another shape.
 */
export async function githubFinish(
  connection: Configuration,
  { issuer }: ProviderRow,
  callback: URL,
  { state, verifier }: SignOnSecrets,
): Promise<AssertedIdentity> {
  const tokens = await authorizationCodeGrant(connection, callback, { expectedState: state, pkceCodeVerifier: verifier });
  const api = issuer === githubUrl ? 'https://api.github.com' : `${issuer.replace(/\/+$/, '')}/api/v3`;
  const ask = async (path: string): Promise<unknown> => {
    const headers = new Headers({ accept: 'application/vnd.github+json', 'x-github-api-version': '2022-11-28' });
    const answer = await fetchProtectedResource(connection, tokens.access_token, new URL(api + path), 'GET', null, headers);
    if (answer.status !== 200) throw new Error('GitHub does not say who this is');
    return answer.json();
  };
  const { id } = User.parse(await ask('/user'));
  const primary = Emails.parse(await ask('/user/emails')).find((each) => each.primary);
  const email = claimedEmail(primary?.email);
  return { subject: String(id), email, emailVerified: email !== undefined && primary?.verified === true };
}
