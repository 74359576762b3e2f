import type { Permission, Role } from './permissions.ts';

interface Caller {
  tenantId: string;
  permissions: ReadonlySet<Permission>;
  /** Milliseconds since the epoch after which the credential no longer counts; absent = does not expire. */
  expiresAt?: number;
}

/** A member of the tenant, signed in with an access token. */
export interface UserPrincipal extends Caller {
  kind: 'user';
  userId: string;
  sessionId: string;
  role: Role;
  assurance?: Assurance;
}

/** How sure it is that a member is who they say. */
export interface Assurance {
  /** Proven by more than a password, or by the word of the tenant's identity provider. */
  strong: boolean;
  /** When they last proved themself in this session, in milliseconds since the epoch. */
  provenAt: number;
  /** Whether they have a second factor in this tenant, so that they can be asked for it. */
  factorHeld: boolean;
  /** Whether the tenant demands one of everybody. */
  factorDemanded: boolean;
}

/** A program with a secret key, or a web page with a publishable one. */
export interface ApiKeyPrincipal extends Caller {
  kind: 'api_key';
  keyId: string;
  publishable: boolean;
  /** Bot that a publishable key belongs to; undefined = any of the tenant's. */
  botId?: string;
}

/** A program with a token of the tenant's OAuth server: for itself, or on behalf of a member. */
export interface OAuthPrincipal extends Caller {
  kind: 'oauth_client';
  clientId: string;
  /** What the token stands on; its end is the token's. */
  grantId: string;
  /** The member on whose behalf, with the role that they have; absent where the client acts for itself. */
  member?: { userId: string; role: Role };
}

/** An end user of the tenant, let in by a ticket for one bot. */
export interface VisitorPrincipal extends Caller {
  kind: 'visitor';
  visitorId: string;
  botId: string;
  /** The credential that vouched for the visitor: when it is revoked, the visitor's sockets close. */
  vouchedBy: { kind: 'api_key' | 'session' | 'oauth_client' | 'oauth_grant'; id: string };
  /** The tenant's key that signed who the visitor is; absent where nothing was signed. Its end closes their sockets, too. */
  identityKeyId?: string | undefined;
}

/** Who is calling: decided once at the edge, passed down as an argument. */
export type Principal = UserPrincipal | ApiKeyPrincipal | OAuthPrincipal | VisitorPrincipal;
