import { Injectable } from '@nestjs/common';
import { changed, row, rows, SystemDatabase, TenantDatabase } from '../../platform/database/index.ts';
import {
  type DataSubject,
  type ErasedRows,
  type ExportedRecord,
  type HeldTable,
  HeldTables,
  HoldsPersonalData,
  type PersonalDataHolder,
} from '../../platform/personal-data/index.ts';
import { CredentialChanges } from './access/credential-changes.ts';
import { Visitors } from './visitors/visitors.service.ts';

const all = 'true';

const visitorRows: HeldTable = {
  table: 'visitors',
  file: 'visitors',
  of: { visitor: 't.id = $2', tenant: all },
  ids: { id: 'visitor' },
  columns: ['created_at'],
  sealed: { external_id: 'text', attributes: 'json' },
};
const banRows: HeldTable = {
  table: 'visitor_bans',
  file: 'visitor_bans',
  of: { visitor: 't.visitor_id = $2', tenant: all },
  key: 'visitor_id',
  ids: { visitor_id: 'visitor' },
  columns: ['reason_code', 'banned_at'],
};
const membershipRows: HeldTable = {
  table: 'memberships',
  file: 'memberships',
  of: { user: 't.user_id = $2', tenant: all },
  ids: { id: 'membership', user_id: 'user' },
  columns: ['role', 'created_at'],
  sealed: { email: 'text' },
};
const sessionRows: HeldTable = {
  table: 'sessions',
  file: 'sessions',
  of: { user: 't.user_id = $2', tenant: all },
  ids: { id: 'session', user_id: 'user' },
  columns: ['created_at', 'last_seen_at', 'expires_at', 'revoked_at', 'revoked_reason', 'amr'],
  sealed: { client: 'json' },
};
const factorRows: HeldTable = {
  table: 'second_factors',
  file: 'second_factors',
  of: { user: 't.user_id = $2', tenant: all },
  ids: { id: 'secondFactor', user_id: 'user' },
  columns: ['kind', 'created_at', 'confirmed_at', 'last_used_at'],
  sealed: { name: 'text' },
};
const recoveryCodeRows: HeldTable = {
  table: 'recovery_codes',
  file: 'recovery_codes',
  of: { user: 't.user_id = $2', tenant: all },
  ids: { user_id: 'user' },
  columns: ['used_at'],
};
const tenantRows: HeldTable = {
  table: 'tenants',
  file: 'tenant',
  of: { tenant: all },
  ids: { id: 'tenant' },
  columns: ['name', 'status', 'created_at'],
};
const apiKeyRows: HeldTable = {
  table: 'api_keys',
  file: 'api_keys',
  of: { tenant: all },
  ids: { id: 'apiKey', bot_id: 'bot' },
  columns: ['name', 'kind', 'mode', 'hint', 'scopes', 'created_at', 'expires_at', 'revoked_at', 'last_used_at'],
};
const identityKeyRows: HeldTable = {
  table: 'identity_keys',
  file: 'identity_keys',
  of: { tenant: all },
  ids: { id: 'identityKey' },
  columns: ['name', 'algorithm', 'created_at', 'revoked_at'],
};
const linkRows: HeldTable = {
  table: 'linked_identities',
  file: 'linked_identities',
  of: { user: 't.user_id = $2', tenant: all },
  ids: { id: 'linkedIdentity', provider_id: 'identityProvider', user_id: 'user' },
  columns: ['created_at', 'last_used_at'],
};
const scimUserRows: HeldTable = {
  table: 'scim_users',
  file: 'directory_users',
  of: { user: 't.user_id = $2', tenant: all },
  ids: { id: 'scimUser', user_id: 'user' },
  columns: ['active', 'created_at', 'updated_at'],
  sealed: { content: 'json' },
};
const scimGroupRows: HeldTable = {
  table: 'scim_groups',
  file: 'directory_groups',
  of: { tenant: all },
  ids: { id: 'scimGroup' },
  columns: ['role', 'created_at', 'updated_at'],
  sealed: { content: 'text' },
};
const domainRows: HeldTable = {
  table: 'tenant_domains',
  file: 'domains',
  of: { tenant: all },
  ids: { id: 'domain', break_glass_user_id: 'user' },
  columns: ['domain', 'verified_at', 'enforced', 'created_at'],
};
const providerRows: HeldTable = {
  table: 'identity_providers',
  file: 'identity_providers',
  of: { tenant: all },
  ids: { id: 'identityProvider' },
  columns: [
    'name',
    'kind',
    'issuer',
    'client_id',
    'scopes',
    'join_role',
    'join_domains',
    'authoritative',
    'enabled',
    'created_at',
    'updated_at',
  ],
};
const oauthClientRows: HeldTable = {
  table: 'oauth_clients',
  file: 'oauth_clients',
  of: { tenant: all },
  ids: { id: 'oauthClient' },
  columns: ['name', 'secret_hint', 'grant_types', 'redirect_uris', 'scopes', 'created_at'],
};
const grantRows: HeldTable = {
  table: 'oauth_grants',
  file: 'oauth_grants',
  of: { user: 't.user_id = $2', tenant: all },
  ids: { id: 'oauthGrant', client_id: 'oauthClient', user_id: 'user' },
  columns: ['scopes', 'redirect_uri', 'created_at', 'expires_at', 'revoked_at'],
};

/** Visitors, members and their sessions, and last of all the tenant itself. */
@Injectable()
@HoldsPersonalData({
  rank: 1,
  tables: {
    visitors: 'person',
    visitor_bans: 'person',
    users: 'person',
    memberships: 'person',
    invitations: 'person',
    sessions: 'person',
    second_factors: 'person',
    recovery_codes: 'person',
    security_policies: 'tenant',
    refresh_tokens: 'person',
    linked_identities: 'person',
    oauth_grants: 'person',
    oauth_refresh_tokens: 'person',
    oauth_clients: 'tenant',
    scim_users: 'person',
    scim_group_members: 'tenant',
    scim_groups: 'tenant',
    api_keys: 'tenant',
    identity_providers: 'tenant',
    tenant_domains: 'tenant',
    saml_providers: 'tenant',
    used_assertions: 'tenant',
    identity_keys: 'tenant',
    tenants: 'tenant',
  },
})
export class IdentityData implements PersonalDataHolder {
  constructor(
    private readonly held: HeldTables,
    private readonly database: TenantDatabase,
    private readonly system: SystemDatabase,
    private readonly visitors: Visitors,
    private readonly credentials: CredentialChanges,
  ) {}

  export(subject: DataSubject): AsyncIterable<ExportedRecord> {
    return this.held.records(subject, [
      tenantRows,
      membershipRows,
      sessionRows,
      factorRows,
      apiKeyRows,
      identityKeyRows,
      providerRows,
      domainRows,
      linkRows,
      oauthClientRows,
      grantRows,
      scimUserRows,
      scimGroupRows,
      visitorRows,
      banRows,
    ]);
  }

  async erase(subject: DataSubject): Promise<ErasedRows> {
    const { tenantId, kind } = subject;
    if (kind === 'visitor') {
      const erased = await this.held.erase(subject, [banRows, visitorRows]);
      this.visitors.forget(tenantId, subject.id);
      return erased;
    }
    const users = kind === 'user' ? [subject.id] : await this.usersOf(tenantId);
    const erased = await this.held.erase(subject, [
      scimUserRows,
      linkRows,
      grantRows,
      sessionRows,
      factorRows,
      recoveryCodeRows,
      membershipRows,
      banRows,
      visitorRows,
    ]);
    if (kind === 'tenant') {
      const gone = await this.database.forTenant(tenantId, (tx) => changed(tx, 'DELETE FROM tenants WHERE id = $1', [tenantId]));
      if (gone > 0) erased['tenants'] = gone;
    }
    this.credentials.announce(tenantId);
    const gone = await this.eraseUsers(users);
    return gone === 0 ? erased : { ...erased, users: gone };
  }

  private async usersOf(tenantId: string): Promise<string[]> {
    const found = await this.database.forTenant(tenantId, (tx) =>
      rows<{ userId: string }>(tx, 'SELECT user_id AS "userId" FROM memberships WHERE tenant_id = $1', [tenantId]),
    );
    return found.map(({ userId }) => userId);
  }

  /** A user belongs to no tenant: without a membership anywhere there is nothing left that they could enter. */
  private async eraseUsers(ids: string[]): Promise<number> {
    let gone = 0;
    for (const id of ids) {
      gone += await this.system.run('erasure', async (tx) => {
        const member = await row(tx, 'SELECT 1 FROM memberships WHERE user_id = $1 LIMIT 1', [id]);
        return member === undefined ? changed(tx, 'DELETE FROM users WHERE id = $1', [id]) : 0;
      });
    }
    return gone;
  }
}
