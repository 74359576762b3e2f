import { expect, test } from 'vitest';
import { type Permission, permissions, publishableKeyPermissions, rolePermissions } from '../../../kernel/permissions.ts';
import { CreateApiKey } from './api-keys.schemas.ts';
import { grantedScopes, requireHeld, storedScopes } from './scopes.ts';

test('by default a secret key may do what a developer may, except to manage keys', () => {
  const scopes = grantedScopes(rolePermissions.owner, 'secret', undefined);
  expect(new Set([...scopes, 'api_key.manage'])).toEqual(rolePermissions.developer);
  expect(scopes).not.toContain('api_key.manage');
});

test('the default is cut down to what the caller holds', () => {
  const held = new Set<Permission>(['api_key.manage', 'bot.read']);
  expect(grantedScopes(held, 'secret', undefined)).toEqual(['bot.read']);
});

test('nobody passes on what they do not hold', () => {
  for (const scope of permissions.filter((permission) => !rolePermissions.developer.has(permission))) {
    expect(() => grantedScopes(rolePermissions.developer, 'secret', ['bot.read', scope])).toThrow(
      expect.objectContaining({ status: 403, code: 'scope_not_permitted' }),
    );
  }
  expect(() => grantedScopes(new Set<Permission>(['api_key.manage']), 'publishable', undefined)).toThrow(
    expect.objectContaining({ status: 403 }),
  );
  expect(() => requireHeld(rolePermissions.viewer, rolePermissions.admin)).toThrow(expect.objectContaining({ status: 403 }));
});

test('a publishable key never does more than ask for tickets, whatever is stored', () => {
  expect(grantedScopes(rolePermissions.owner, 'publishable', undefined)).toEqual([...publishableKeyPermissions]);
  expect(storedScopes('publishable', [...permissions])).toEqual(publishableKeyPermissions);
});

test('stored names that are no permissions permit nothing', () => {
  expect(storedScopes('secret', ['bot.read', 'bot.fly', '__proto__'])).toEqual(new Set(['bot.read']));
});

test('asked-for scopes come without repetition', () => {
  expect(grantedScopes(rolePermissions.owner, 'secret', ['bot.read', 'tenant.read', 'bot.read'])).toEqual(['tenant.read', 'bot.read']);
});

test('a body with a mistyped field is refused instead of making a mightier key', () => {
  expect(CreateApiKey.safeParse({ name: 'ci', scope: ['bot.read'] }).success).toBe(false);
  expect(CreateApiKey.safeParse({ name: 'ci', scopes: [] }).success).toBe(false);
  expect(CreateApiKey.safeParse({ name: 'ci', kind: 'publishable', scopes: ['bot.read'] }).success).toBe(false);
  expect(CreateApiKey.safeParse({ name: 'ci', bot_id: 'bot_x' }).success).toBe(false);
  expect(CreateApiKey.safeParse({ name: 'c\u0000i' }).success).toBe(false);
  expect(CreateApiKey.parse({ name: ' ci ' })).toEqual({ name: 'ci', kind: 'secret', mode: 'live' });
});
