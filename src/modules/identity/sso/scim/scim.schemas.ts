import { z } from 'zod';

/** Names of what SCIM speaks of. */
export const scimSchemas = {
  user: 'urn:ietf:params:scim:schemas:core:2.0:User',
  group: 'urn:ietf:params:scim:schemas:core:2.0:Group',
  list: 'urn:ietf:params:scim:api:messages:2.0:ListResponse',
  error: 'urn:ietf:params:scim:api:messages:2.0:Error',
  config: 'urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig',
} as const;

/** Members of a group in one request at most. */
export const maxMembers = 1_000;

const Text = z
  .string()
  .trim()
  .max(200)
  .regex(/^\P{Cc}*$/u, 'must not contain control characters');
const Name = z.object({ givenName: Text.optional(), familyName: Text.optional(), formatted: Text.optional() });
const Email = z.object({ value: z.string().max(254), primary: z.boolean().optional() });

/** What is kept of a person, all of it personal. */
export const UserContent = z.object({
  userName: Text.min(1),
  email: z.string(),
  externalId: Text.optional(),
  displayName: Text.optional(),
  name: Name.optional(),
});
/** What is kept of a person. */
export type UserContent = z.output<typeof UserContent>;

/** Directories send truth in words, too. */
export const Active = z.union([z.boolean(), z.stringbool()]);

/** A person as a directory sends them; what is not understood is left out (RFC 7644, section 3.3). */
export const ScimUserBody = z.object({
  userName: Text.min(1),
  externalId: Text.optional(),
  displayName: Text.optional(),
  name: Name.optional(),
  emails: z.array(Email).max(20).optional(),
  active: Active.default(true),
});
/** A person as a directory sends them. */
export type ScimUserBody = z.output<typeof ScimUserBody>;

const Member = z.object({ value: z.string().max(64) });

/** A group as a directory sends it. */
export const ScimGroupBody = z.object({ displayName: Text.min(1), members: z.array(Member).max(maxMembers).default([]) });
/** A group as a directory sends it. */
export type ScimGroupBody = z.output<typeof ScimGroupBody>;

/** Changes as a directory sends them; some write the names of operations with a capital. */
export const ScimPatch = z.object({
  Operations: z
    .array(
      z.object({
        op: z
          .string()
          .toLowerCase()
          .pipe(z.enum(['add', 'replace', 'remove'])),
        path: z.string().max(300).optional(),
        value: z.unknown().optional(),
      }),
    )
    .min(1)
    .max(100),
});
/** One change. */
export type ScimOperation = z.output<typeof ScimPatch>['Operations'][number];
/** Changes. */
export type ScimPatch = z.output<typeof ScimPatch>;

/** What a list is asked for. */
export const ScimQuery = z.object({
  filter: z.string().max(1_000).optional(),
  startIndex: z.coerce.number().int().catch(1).default(1),
  count: z.coerce.number().int().catch(100).default(100),
});
/** What a list is asked for. */
export type ScimQuery = z.output<typeof ScimQuery>;
