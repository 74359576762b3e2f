import { isPermission, type Permission, permissions, publishableKeyPermissions, rolePermissions } from '../../../kernel/permissions.ts';
import { identityErrors } from '../identity.errors.ts';
import type { KeyKind } from './key-format.ts';

/** What a secret key gets when nothing is said: what a developer may do, except to manage keys. */
const defaultScopes: ReadonlySet<Permission> = new Set([...rolePermissions.developer].filter((scope) => scope !== 'api_key.manage'));

/**
 * The scopes of a new key. Asked-for ones must all be held by the caller (403 otherwise); the default is cut down to what the
 * caller holds. A publishable key always gets the same, which its creator must hold too.
 */
export function grantedScopes(held: ReadonlySet<Permission>, kind: KeyKind, asked: readonly Permission[] | undefined): Permission[] {
  if (kind === 'publishable') return requireHeld(held, publishableKeyPermissions);
  if (asked !== undefined) return requireHeld(held, new Set(asked));
  return permissions.filter((scope) => defaultScopes.has(scope) && held.has(scope));
}

/** `scopes` in their usual order; throws 403 when the caller does not hold one of them. */
export function requireHeld(held: ReadonlySet<Permission>, scopes: ReadonlySet<Permission>): Permission[] {
  for (const scope of scopes) if (!held.has(scope)) throw identityErrors.scopeNotHeld();
  return permissions.filter((scope) => scopes.has(scope));
}

/** Stored scopes as permissions; names that no longer exist permit nothing. A publishable key never gets more than its fixed few. */
export function storedScopes(kind: KeyKind, stored: readonly string[]): ReadonlySet<Permission> {
  return new Set(stored.filter(isPermission).filter((scope) => kind === 'secret' || publishableKeyPermissions.has(scope)));
}
