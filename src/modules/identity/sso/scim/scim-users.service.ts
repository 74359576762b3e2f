import { Injectable } from '@nestjs/common';
import { newUuid, publicId, uuidOf } from '../../../../kernel/ids.ts';
import type { Principal } from '../../../../kernel/principal.ts';
import { defineSealedTable, KeyedHash, KeyRing, type Place, seal } from '../../../../platform/crypto/index.ts';
import { TenantDatabase } from '../../../../platform/database/index.ts';
import { CredentialChanges } from '../../access/credential-changes.ts';
import { claimedEmail } from '../sign-on/asserted-identity.ts';
import { ScimAccounts } from './scim-accounts.ts';
import { parseFilter, type ScimFilter } from './scim-filter.ts';
import { patchedUser } from './scim-patch.ts';
import { ScimRoles } from './scim-roles.ts';
import { scimErrors } from './scim.errors.ts';
import { type ScimPatch, type ScimQuery, scimSchemas, type ScimUserBody, UserContent } from './scim.schemas.ts';
import { type ScimHashes, type ScimUserRow, ScimUsersRepository } from './scim-users.repository.ts';

/** People in one answer at most. */
const mostListed = 100;

/** People whom a tenant's directory keeps here (RFC 7644). Who is active is a member; who is switched off is none, within five seconds everywhere. */
@Injectable()
export class ScimUsers {
  constructor(
    private readonly database: TenantDatabase,
    private readonly repository: ScimUsersRepository,
    private readonly accounts: ScimAccounts,
    private readonly roles: ScimRoles,
    private readonly keyRing: KeyRing,
    private readonly hash: KeyedHash,
    private readonly changes: CredentialChanges,
  ) {}

  /** Takes a person in; who is a member with this e-mail already is that member. Throws 409 `uniqueness`, 403 without a seat. */
  async create(caller: Principal, body: ScimUserBody) {
    const { tenantId } = caller;
    const content = contentOf(body);
    const { userId, made } = await this.accounts.find(tenantId, content.email);
    const draft = await this.accounts.prepare(tenantId, userId, content.email);
    const id = newUuid();
    const user = { id, userId, content: await this.sealed(tenantId, userId, id, content), active: body.active, made };
    const stored = await this.database.forTenant(tenantId, async (tx) => {
      if (!(await this.repository.insert(tx, tenantId, user, this.hashesOf(content)))) throw scimErrors.taken('userName or e-mail');
      await (body.active ? this.accounts.letIn(tx, caller, userId, draft) : this.accounts.shutOut(tx, caller, userId));
      await this.roles.apply(tx, caller, [id]);
      return this.repository.lock(tx, tenantId, id);
    });
    this.changes.announce(tenantId);
    return present(found(stored), content);
  }

  /** One person. Throws 404. */
  async get({ tenantId }: Principal, id: string) {
    const stored = await this.stored(tenantId, userUuid(id));
    return present(stored, await this.opened(tenantId, stored));
  }

  /** A part of the list, oldest first. Throws 400 for a filter that is not understood. */
  async list({ tenantId }: Principal, { filter, startIndex, count }: ScimQuery) {
    const asked = parseFilter(filter);
    const offset = Math.max(0, startIndex - 1);
    const limit = Math.min(Math.max(0, count), mostListed);
    const { total, found: stored } = await this.page(tenantId, asked, offset, limit);
    const contents = await this.keyRing.openAll(stored.map((user) => ({ place: placeOf(tenantId, user.id), sealed: user.content })));
    const resources = stored.map((user, at) => present(user, UserContent.parse(JSON.parse(String(contents[at])))));
    return {
      schemas: [scimSchemas.list],
      totalResults: total,
      startIndex: offset + 1,
      itemsPerPage: resources.length,
      Resources: resources,
    };
  }

  /** Writes a person anew. Throws 404, 409 `uniqueness` or for the last owner. */
  replace(caller: Principal, id: string, body: ScimUserBody) {
    return this.change(caller, id, () => body);
  }

  /** Changes a person. Throws as `replace` does, and 400. */
  patch(caller: Principal, id: string, { Operations }: ScimPatch) {
    return this.change(caller, id, (before) => patchedUser(before, Operations));
  }

  /** Lets go of a person: they are no member any more. Throws 404, 409 for the last owner. */
  async remove(caller: Principal, id: string): Promise<void> {
    const { tenantId } = caller;
    const uuid = userUuid(id);
    await this.database.forTenant(tenantId, async (tx) => {
      const { userId } = found(await this.repository.lock(tx, tenantId, uuid));
      await this.accounts.shutOut(tx, caller, userId);
      await this.repository.delete(tx, tenantId, uuid);
    });
    this.changes.announce(tenantId);
  }

  private async change(caller: Principal, id: string, changed: (before: ScimUserBody) => ScimUserBody) {
    const { tenantId } = caller;
    const before = await this.stored(tenantId, userUuid(id));
    const body = changed(bodyOf(before, await this.opened(tenantId, before)));
    const content = contentOf(body);
    const sealed = await this.sealed(tenantId, before.userId, before.id, content);
    const draft = body.active ? await this.accounts.prepare(tenantId, before.userId, content.email) : undefined;
    const hashes = this.hashesOf(content);
    const stored = await this.database.forTenant(tenantId, async (tx) => {
      const { userId } = found(await this.repository.lock(tx, tenantId, before.id));
      if (await this.repository.isTaken(tx, tenantId, hashes.userName, before.id)) throw scimErrors.taken('userName');
      await this.repository.update(tx, tenantId, { id: before.id, content: sealed, active: body.active }, hashes);
      await (draft === undefined ? this.accounts.shutOut(tx, caller, userId) : this.accounts.letIn(tx, caller, userId, draft));
      await this.roles.apply(tx, caller, [before.id]);
      return this.repository.lock(tx, tenantId, before.id);
    });
    this.changes.announce(tenantId);
    return present(found(stored), content);
  }

  private async page(tenantId: string, asked: ScimFilter | undefined, offset: number, limit: number) {
    if (asked?.name === 'displayname') throw scimErrors.filter();
    if (asked?.name === 'id') {
      const uuid = uuidOf('scimUser', asked.value);
      const one =
        uuid === undefined ? undefined : await this.database.forTenant(tenantId, (tx) => this.repository.lock(tx, tenantId, uuid));
      return one === undefined ? { total: 0, found: [] } : { total: 1, found: offset === 0 && limit > 0 ? [one] : [] };
    }
    const by =
      asked === undefined
        ? undefined
        : asked.name === 'username'
          ? { column: 'user_name_hash' as const, hash: this.hash.of('scim', 'userName', asked.value.toLowerCase()) }
          : { column: 'external_id_hash' as const, hash: this.hash.of('scim', 'externalId', asked.value) };
    return this.database.forTenant(tenantId, (tx) => this.repository.page(tx, tenantId, by, offset, limit));
  }

  private async stored(tenantId: string, id: string): Promise<ScimUserRow> {
    return found(await this.database.forTenant(tenantId, (tx) => this.repository.lock(tx, tenantId, id)));
  }

  private async opened(tenantId: string, { id, content }: ScimUserRow): Promise<UserContent> {
    return UserContent.parse(JSON.parse((await this.keyRing.open(placeOf(tenantId, id), content)).toString()));
  }

  private async sealed(tenantId: string, userId: string, id: string, content: UserContent): Promise<Buffer> {
    return seal(await this.keyRing.visitorKey(tenantId, userId), placeOf(tenantId, id), JSON.stringify(content));
  }

  private hashesOf({ userName, email, externalId }: UserContent): ScimHashes {
    return {
      // Names are the same in any case (RFC 7643, section 4.1.1).
      userName: this.hash.of('scim', 'userName', userName.toLowerCase()),
      email: this.hash.of('email', email),
      externalId: externalId === undefined ? null : this.hash.of('scim', 'externalId', externalId),
    };
  }
}

defineSealedTable({ table: 'scim_users', columns: ['content'] });

function placeOf(tenantId: string, rowId: string): Place {
  return { tenantId, table: 'scim_users', column: 'content', rowId };
}

function contentOf({ userName, emails = [], externalId, displayName, name }: ScimUserBody): UserContent {
  const given = (emails.find((each) => each.primary === true) ?? emails[0])?.value ?? userName;
  const email = claimedEmail(given);
  if (email === undefined) throw scimErrors.value('userName or the primary of emails must be an e-mail address');
  return { userName, email, externalId, displayName, name };
}

function bodyOf({ active }: ScimUserRow, { email, ...rest }: UserContent): ScimUserBody {
  return { ...rest, active, emails: [{ value: email, primary: true }] };
}

function present(stored: ScimUserRow, { userName, email, externalId, displayName, name }: UserContent) {
  const id = publicId('scimUser', stored.id);
  return {
    schemas: [scimSchemas.user],
    id,
    externalId,
    userName,
    displayName,
    name,
    emails: [{ value: email, primary: true }],
    active: stored.active,
    meta: {
      resourceType: 'User',
      created: stored.createdAt.toISOString(),
      lastModified: stored.updatedAt.toISOString(),
      location: `/v1/scim/v2/Users/${id}`,
    },
  };
}

function found(stored: ScimUserRow | undefined): ScimUserRow {
  if (stored === undefined) throw scimErrors.notFound('user');
  return stored;
}

function userUuid(id: string): string {
  const uuid = uuidOf('scimUser', id);
  if (uuid === undefined) throw scimErrors.notFound('user');
  return uuid;
}
