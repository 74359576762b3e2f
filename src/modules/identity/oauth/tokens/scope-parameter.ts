import { isPermission, type Permission, permissions } from '../../../../kernel/permissions.ts';
import { oauthErrors } from '../oauth.errors.ts';

/**
 * The scopes that a `scope` parameter asks for, in their usual order; all of `allowed` where it is absent. Throws 400 `invalid_scope` for one that is
 * unknown or not in `allowed`: nobody gets less than they asked for without noticing, nor more.
 */
export function askedScopes(parameter: string | undefined, allowed: readonly string[]): Permission[] {
  const permitted = new Set(allowed.filter(isPermission));
  if (parameter === undefined) return permissions.filter((name) => permitted.has(name));
  const asked = new Set(parameter.split(' ').filter((name) => name !== ''));
  if (asked.size === 0) throw oauthErrors.invalidScope();
  for (const name of asked) if (!isPermission(name) || !permitted.has(name)) throw oauthErrors.invalidScope();
  return permissions.filter((name) => asked.has(name));
}
