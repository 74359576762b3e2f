import { z } from 'zod';
import { scimErrors } from './scim.errors.ts';
import { maxMembers, type ScimOperation, ScimUserBody } from './scim.schemas.ts';

const memberPath = /^members\[\s*value\s+eq\s+"([^"\\]{1,64})"\s*\]$/i;
const emailPath = /^emails(\[[^\]]*\])?(\.value)?$/i;
const nameParts: Record<string, 'givenName' | 'familyName' | 'formatted'> = {
  'name.givenname': 'givenName',
  'name.familyname': 'familyName',
  'name.formatted': 'formatted',
};
const plain: Record<string, 'userName' | 'externalId' | 'displayName' | 'active'> = {
  username: 'userName',
  externalid: 'externalId',
  displayname: 'displayName',
  active: 'active',
};

/**
 * A person as they are after changes. Paths that are not understood are left out where they are of an extension or of an attribute that we do not keep, since
 * directories send those all the time. Throws 400.
 */
export function patchedUser(before: ScimUserBody, operations: readonly ScimOperation[]): ScimUserBody {
  const after: Record<string, unknown> = structuredClone(before);
  for (const { op, path, value } of operations) {
    if (path === undefined) {
      if (op === 'remove' || typeof value !== 'object' || value === null) throw scimErrors.path();
      for (const [name, each] of Object.entries(value)) set(after, name, each);
    } else set(after, path, op === 'remove' ? undefined : value);
  }
  const checked = ScimUserBody.safeParse(after);
  if (!checked.success) throw scimErrors.value(`${checked.error.issues[0]?.path.join('.') ?? 'value'} is not valid`);
  return checked.data;
}

function set(user: Record<string, unknown>, path: string, value: unknown): void {
  const name = path.toLowerCase();
  const direct = plain[name];
  const part = nameParts[name];
  if (direct !== undefined) user[direct] = value;
  else if (name === 'name') user['name'] = value;
  else if (part !== undefined) user['name'] = { ...(user['name'] as object | undefined), [part]: value };
  else if (emailPath.test(path)) user['emails'] = typeof value === 'string' ? [{ value, primary: true }] : value;
}

/** What happens to a group. */
export interface GroupChange {
  displayName?: string;
  /** Replaces all members, before others come and go. */
  members?: string[];
  added: string[];
  removed: string[];
}

const Members = z.union([
  z.array(z.object({ value: z.string().max(64) })).max(maxMembers),
  z.object({ value: z.string().max(64) }).transform((one) => [one]),
]);

/** What changes of a group come to. Throws 400. */
export function groupChange(operations: readonly ScimOperation[]): GroupChange {
  const change: GroupChange = { added: [], removed: [] };
  for (const { op, path, value } of operations) {
    if (path === undefined) {
      if (op === 'remove' || typeof value !== 'object' || value === null) throw scimErrors.path();
      for (const [name, each] of Object.entries(value)) apply(change, op, name, each);
    } else apply(change, op, path, value);
  }
  return change;
}

function apply(change: GroupChange, op: ScimOperation['op'], path: string, value: unknown): void {
  const [, one] = memberPath.exec(path) ?? [];
  if (one !== undefined) {
    if (op !== 'remove') throw scimErrors.path();
    change.removed.push(one);
  } else if (path.toLowerCase() === 'members') applyMembers(change, op, value);
  else if (path.toLowerCase() === 'displayname' && op !== 'remove') {
    if (typeof value !== 'string' || value.trim() === '' || value.length > 200 || /\p{Cc}/u.test(value))
      throw scimErrors.value('displayName is not valid');
    change.displayName = value.trim();
  } else if (!['id', 'externalid', 'schemas'].includes(path.toLowerCase())) throw scimErrors.path();
}

function applyMembers(change: GroupChange, op: ScimOperation['op'], value: unknown): void {
  if (op === 'remove' && value === undefined) {
    [change.members, change.added] = [[], []];
    return;
  }
  const members = Members.safeParse(value ?? []);
  if (!members.success) throw scimErrors.value('members is a list of {"value": id}');
  const ids = members.data.map((member) => member.value);
  if (op === 'add') change.added.push(...ids);
  else if (op === 'remove') change.removed.push(...ids);
  else [change.members, change.added, change.removed] = [ids, [], []];
}
