import { z } from 'zod';
import { publicId } from '../../../kernel/ids.ts';
import { type Permission, permissions, roles } from '../../../kernel/permissions.ts';
import type { Principal } from '../../../kernel/principal.ts';

/** Who is calling, as GET /v1/me says. */
export const CallerResponse = z
  .object({
    object: z.literal('caller'),
    kind: z.enum(['user', 'api_key', 'oauth_client', 'visitor']),
    tenant: z.object({ id: z.string(), name: z.string() }),
    user_id: z.string().optional(),
    email: z.string().optional(),
    email_verified: z.boolean().optional().meta({ description: 'Whether the user has proven that the mailbox is theirs.' }),
    role: z.enum(roles).optional(),
    api_key_id: z.string().optional(),
    oauth_client_id: z.string().optional(),
    visitor_id: z.string().optional(),
    permissions: z.array(z.enum(permissions)),
  })
  .meta({ id: 'Caller' });

/** A principal in its public shape. */
export function toCallerResponse(
  caller: Principal,
  tenantName: string,
  user?: { email: string | undefined; verified: boolean },
): z.input<typeof CallerResponse> {
  return {
    object: 'caller',
    kind: caller.kind,
    tenant: { id: publicId('tenant', caller.tenantId), name: tenantName },
    ...(caller.kind === 'user'
      ? { user_id: publicId('user', caller.userId), email: user?.email, email_verified: user?.verified, role: caller.role }
      : {}),
    ...(caller.kind === 'api_key' ? { api_key_id: publicId('apiKey', caller.keyId) } : {}),
    ...(caller.kind === 'oauth_client'
      ? {
          oauth_client_id: publicId('oauthClient', caller.clientId),
          ...(caller.member === undefined ? {} : { user_id: publicId('user', caller.member.userId), role: caller.member.role }),
        }
      : {}),
    ...(caller.kind === 'visitor' ? { visitor_id: publicId('visitor', caller.visitorId) } : {}),
    permissions: permissions.filter((permission: Permission) => caller.permissions.has(permission)),
  };
}
