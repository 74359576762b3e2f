/**
 * Everything that can be permitted, by name `thing.action`. Roles and API key scopes are lists of these.
 */
export const permissions = [
  'tenant.read',
  'api_key.read',
  'api_key.manage',
  'bot.read',
  'bot.create',
  'bot.update',
  'bot.delete',
  'bot.publish',
  'conversation.read',
  'conversation.update',
  'conversation.delete',
  'chat.send',
  'chat.ticket',
  'model.read',
  'usage.read',
  'model_credential.read',
  'model_credential.manage',
  'model_route.read',
  'model_route.manage',
  'audit.read',
  'privacy.analyze',
  'privacy.read',
  'privacy.manage',
  'legal_hold.manage',
  'consent.read',
  'consent.manage',
  'visitor.ban',
  'person.export',
  'person.erase',
  'tenant.export',
  'tenant.delete',
  'member.read',
  'member.manage',
  'identity_provider.read',
  'identity_provider.manage',
  'oauth_client.read',
  'oauth_client.manage',
  'security.manage',
  'scim.manage',
] as const;

/** Name of one permission. */
export type Permission = (typeof permissions)[number];

/** Roles of a membership, from most to least. */
export const roles = ['owner', 'admin', 'developer', 'viewer'] as const;

/** A membership's role. */
export type Role = (typeof roles)[number];

const viewer: Permission[] = [
  'tenant.read',
  'api_key.read',
  'bot.read',
  'conversation.read',
  'model.read',
  'model_route.read',
  'usage.read',
];
const developer: Permission[] = [
  ...viewer,
  'api_key.manage',
  'bot.create',
  'bot.update',
  'bot.publish',
  'conversation.update',
  'chat.send',
  'chat.ticket',
  'model_route.manage',
  'privacy.analyze',
  'consent.read',
  'consent.manage',
  'visitor.ban',
];
const admin: Permission[] = [
  ...developer,
  'bot.delete',
  'conversation.delete',
  'model_credential.read',
  'model_credential.manage',
  'audit.read',
  'privacy.read',
  'person.export',
  'person.erase',
  'member.read',
  'member.manage',
  'identity_provider.read',
  'identity_provider.manage',
  'oauth_client.read',
  'oauth_client.manage',
  'scim.manage',
];

/** What each role may do. An owner may do all. */
export const rolePermissions: Record<Role, ReadonlySet<Permission>> = {
  owner: new Set(permissions),
  admin: new Set(admin),
  developer: new Set(developer),
  viewer: new Set(viewer),
};

/** What a visitor (an end user of a tenant) may do, always within their own conversations. */
export const visitorPermissions: ReadonlySet<Permission> = new Set<Permission>(['chat.send']);

/** What a publishable key may do: ask for a visitor's ticket from an allowed origin, nothing else. */
export const publishableKeyPermissions: ReadonlySet<Permission> = new Set<Permission>(['chat.ticket']);

/** True when `value` names a permission. */
export function isPermission(value: string): value is Permission {
  return (permissions as readonly string[]).includes(value);
}
