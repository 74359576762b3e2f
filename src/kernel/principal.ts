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
}

/** A program with a secret key, or a web page with a publishable one. */
export interface ApiKeyPrincipal extends Caller {
  kind: 'api_key';
  keyId: string;
  publishable: boolean;
  /** Bot that a publishable key belongs to; undefined = any of the tenant's. */
  botId?: string;
}

/** An end user of the tenant, let in by a ticket for one bot. */
export interface VisitorPrincipal extends Caller {
  kind: 'visitor';
  visitorId: string;
  botId: string;
  /** The credential that vouched for the visitor: when it is revoked, the visitor's sockets close. */
  vouchedBy: { kind: 'api_key' | 'session'; id: string };
  /** The tenant's key that signed who the visitor is; absent where nothing was signed. Its end closes their sockets, too. */
  identityKeyId?: string | undefined;
}

/** Who is calling: decided once at the edge, passed down as an argument. */
export type Principal = UserPrincipal | ApiKeyPrincipal | VisitorPrincipal;
