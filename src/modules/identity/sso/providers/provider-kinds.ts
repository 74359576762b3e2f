/** Kinds that have a client id and a secret. GitHub speaks plain OAuth 2; the others are OpenID Connect, some with a place of their own. */
export const oauthKinds = ['oidc', 'google', 'microsoft', 'github'] as const;
/** What a provider speaks, and with the presets, where it is. */
export const providerKinds = [...oauthKinds, 'saml'] as const;
/** What a provider speaks. */
export type ProviderKind = (typeof providerKinds)[number];

/** Where Google is. */
export const googleIssuer = 'https://accounts.google.com';
/** Where GitHub is, unless it is a server of one's own. */
export const githubUrl = 'https://github.com';
const microsoftHost = 'login.microsoftonline.com';
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The issuer of one Microsoft Entra directory. */
export function microsoftIssuer(directory: string): string {
  return `https://${microsoftHost}/${directory.toLowerCase()}/v2.0`;
}

/**
 * Whether a URL can be an issuer: no credentials, query or fragment, no discovery document in the place of an issuer, and of Microsoft one directory
 * only. The shared ones (`common`, `organizations`) let every directory of the world say who somebody is.
 */
export function isIssuer(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, username, password, search, hash, hostname, pathname } = new URL(text);
  if (!/^https?:$/.test(protocol) || [username, password, search, hash].some((part) => part !== '')) return false;
  if (pathname.includes('/.well-known/')) return false;
  return hostname !== microsoftHost || uuid.test(pathname.split('/')[1] ?? '');
}

/** What is asked for where nobody says otherwise. */
export function defaultScopes(kind: ProviderKind): string[] {
  return kind === 'github' ? ['read:user', 'user:email'] : ['openid', 'email', 'profile'];
}
