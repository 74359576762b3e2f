import { Injectable } from '@nestjs/common';
import { newUuid, publicId, uuidOf } from '../../../../kernel/ids.ts';
import type { Principal } from '../../../../kernel/principal.ts';
import { actorOf, auditTrail } from '../../../../platform/audit/index.ts';
import { defineSealedTable, KeyedHash, KeyRing, type Place, seal } from '../../../../platform/crypto/index.ts';
import { TenantDatabase, type Transaction } from '../../../../platform/database/index.ts';
import { CredentialChanges } from '../../access/credential-changes.ts';
import { requireRank } from '../../members/members.service.ts';
import type { JoinRole } from '../providers/identity-providers.repository.ts';
import { parseFilter } from './scim-filter.ts';
import { type GroupChange, groupChange } from './scim-patch.ts';
import { ScimRoles } from './scim-roles.ts';
import { scimErrors } from './scim.errors.ts';
import { type ScimGroupRow, ScimGroupsRepository } from './scim-groups.repository.ts';
import { type ScimGroupBody, type ScimPatch, type ScimQuery, scimSchemas } from './scim.schemas.ts';

/** Groups in one answer at most. */
const mostListed = 100;

/** Groups of a tenant's directory, and the roles that they give. */
@Injectable()
export class ScimGroups {
  constructor(
    private readonly database: TenantDatabase,
    private readonly repository: ScimGroupsRepository,
    private readonly roles: ScimRoles,
    private readonly keyRing: KeyRing,
    private readonly hash: KeyedHash,
    private readonly changes: CredentialChanges,
  ) {}

  /** Takes a group in. It gives no role until an administrator says so. Throws 409 `uniqueness`. */
  async create(caller: Principal, { displayName, members }: ScimGroupBody) {
    const { tenantId } = caller;
    const id = newUuid();
    const named = await this.named(tenantId, id, displayName);
    const stored = await this.database.forTenant(tenantId, async (tx) => {
      if (!(await this.repository.insert(tx, tenantId, { id, ...named }))) throw scimErrors.taken('displayName');
      await this.repository.add(tx, tenantId, id, uuidsOf(members.map(({ value }) => value)));
      return this.read(tx, tenantId, id);
    });
    return this.present(tenantId, stored);
  }

  /** One group. Throws 404. */
  async get({ tenantId }: Principal, id: string) {
    const uuid = groupUuid(id);
    return this.present(tenantId, await this.database.forTenant(tenantId, (tx) => this.read(tx, tenantId, uuid)));
  }

  /** A part of the list, oldest first. Throws 400 for a filter that is not understood. */
  async list({ tenantId }: Principal, { filter, startIndex, count }: ScimQuery) {
    const asked = parseFilter(filter);
    if (asked !== undefined && asked.name !== 'displayname') throw scimErrors.filter();
    const offset = Math.max(0, startIndex - 1);
    const nameHash = asked === undefined ? undefined : this.nameHash(asked.value);
    const { total, read } = await this.database.forTenant(tenantId, async (tx) => {
      const page = await this.repository.page(tx, tenantId, nameHash, offset, Math.min(Math.max(0, count), mostListed));
      const each: ReadGroup[] = [];
      for (const group of page.found) each.push({ group, members: await this.repository.members(tx, tenantId, group.id) });
      return { total: page.total, read: each };
    });
    const resources = await Promise.all(read.map((one) => this.present(tenantId, one)));
    return {
      schemas: [scimSchemas.list],
      totalResults: total,
      startIndex: offset + 1,
      itemsPerPage: resources.length,
      Resources: resources,
    };
  }

  /** Writes a group anew. Throws 404, 409. */
  replace(caller: Principal, id: string, { displayName, members }: ScimGroupBody) {
    return this.change(caller, id, { displayName, members: members.map(({ value }) => value), added: [], removed: [] });
  }

  /** Changes a group. Throws 404, 409, 400. */
  patch(caller: Principal, id: string, { Operations }: ScimPatch) {
    return this.change(caller, id, groupChange(Operations));
  }

  /** Lets go of a group; the role that it gave goes with it. Throws 404. */
  async remove(caller: Principal, id: string): Promise<void> {
    const { tenantId } = caller;
    const uuid = groupUuid(id);
    const moved = await this.database.forTenant(tenantId, async (tx) => {
      const { members } = await this.read(tx, tenantId, uuid);
      await this.repository.delete(tx, tenantId, uuid);
      return this.roles.apply(tx, caller, members);
    });
    if (moved) this.changes.announce(tenantId);
  }

  /** Says which role a group gives, null for none. Throws 404, and 403 for a role above the caller's own. */
  async setRole(caller: Principal, id: string, role: JoinRole | null) {
    const { tenantId } = caller;
    const uuid = groupUuid(id);
    if (role !== null) requireRank(caller, role);
    const { read, moved } = await this.database.forTenant(tenantId, async (tx) => {
      const before = await this.read(tx, tenantId, uuid);
      if (before.group.role !== null) requireRank(caller, before.group.role);
      await this.repository.setRole(tx, tenantId, uuid, role);
      const detail = { group: publicId('scimGroup', uuid), role: role ?? 'none' };
      auditTrail.record(tx, tenantId, { actor: actorOf(caller), action: 'scim_group.update', detail });
      return { moved: await this.roles.apply(tx, caller, before.members), read: await this.read(tx, tenantId, uuid) };
    });
    if (moved) this.changes.announce(tenantId);
    return this.mapping(tenantId, read.group);
  }

  /** Groups with the roles that they give, oldest first, a hundred. */
  async mappings({ tenantId }: Principal) {
    const { found } = await this.database.forTenant(tenantId, (tx) => this.repository.page(tx, tenantId, undefined, 0, mostListed));
    return { object: 'list' as const, data: await Promise.all(found.map((group) => this.mapping(tenantId, group))) };
  }

  private async change(caller: Principal, id: string, change: GroupChange) {
    const { tenantId } = caller;
    const uuid = groupUuid(id);
    const named = change.displayName === undefined ? undefined : await this.named(tenantId, uuid, change.displayName);
    const { read, moved } = await this.database.forTenant(tenantId, async (tx) => {
      const { members: before } = await this.read(tx, tenantId, uuid);
      if (named !== undefined) {
        if (await this.repository.isTaken(tx, tenantId, named.nameHash, uuid)) throw scimErrors.taken('displayName');
        await this.repository.rename(tx, tenantId, { id: uuid, ...named });
      }
      if (change.members !== undefined) await this.repository.remove(tx, tenantId, uuid);
      await this.repository.add(tx, tenantId, uuid, uuidsOf([...(change.members ?? []), ...change.added]));
      await this.repository.remove(tx, tenantId, uuid, uuidsOf(change.removed));
      const after = await this.read(tx, tenantId, uuid);
      return { read: after, moved: await this.roles.apply(tx, caller, [...new Set([...before, ...after.members])]) };
    });
    if (moved) this.changes.announce(tenantId);
    return this.present(tenantId, read);
  }

  private async read(tx: Transaction, tenantId: string, id: string): Promise<ReadGroup> {
    const group = await this.repository.lock(tx, tenantId, id);
    if (group === undefined) throw scimErrors.notFound('group');
    return { group, members: await this.repository.members(tx, tenantId, id) };
  }

  private async named(tenantId: string, id: string, displayName: string) {
    return {
      content: seal(await this.keyRing.tenantKey(tenantId), placeOf(tenantId, id), displayName),
      nameHash: this.nameHash(displayName),
    };
  }

  private nameHash(displayName: string): Buffer {
    return this.hash.of('scim', 'displayName', displayName.toLowerCase());
  }

  private async mapping(tenantId: string, group: ScimGroupRow) {
    const name = await this.keyRing.open(placeOf(tenantId, group.id), group.content);
    return { object: 'scim_group' as const, id: publicId('scimGroup', group.id), display_name: name.toString(), role: group.role };
  }

  private async present(tenantId: string, { group, members }: ReadGroup) {
    const id = publicId('scimGroup', group.id);
    return {
      schemas: [scimSchemas.group],
      id,
      displayName: (await this.keyRing.open(placeOf(tenantId, group.id), group.content)).toString(),
      members: members.map((member) => ({ value: publicId('scimUser', member) })),
      meta: {
        resourceType: 'Group',
        created: group.createdAt.toISOString(),
        lastModified: group.updatedAt.toISOString(),
        location: `/v1/scim/v2/Groups/${id}`,
      },
    };
  }
}

interface ReadGroup {
  group: ScimGroupRow;
  /** UUIDs of people. */
  members: string[];
}

defineSealedTable({ table: 'scim_groups', columns: ['content'] });

function placeOf(tenantId: string, rowId: string): Place {
  return { tenantId, table: 'scim_groups', column: 'content', rowId };
}

/** Ids of nobody are left out: in another tenant or in none, it is the same. */
function uuidsOf(ids: readonly string[]): string[] {
  return ids.flatMap((id) => uuidOf('scimUser', id) ?? []);
}

function groupUuid(id: string): string {
  const uuid = uuidOf('scimGroup', id);
  if (uuid === undefined) throw scimErrors.notFound('group');
  return uuid;
}
