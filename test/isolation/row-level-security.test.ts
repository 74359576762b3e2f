import type { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { newUuid } from '../../src/kernel/ids.ts';
import { columnsOpenTo, type CatalogueRules, keysWithoutTenant, mightyRoles, unprotectedTables } from '../support/catalogue.ts';
import { insertion, type MadeRow, RowMaker } from '../support/row-maker.ts';
import { refusalOf, scratchDatabase } from '../support/scratch.ts';
import { templates } from '../support/services.ts';

// A new table is a tenant table unless it is added here, where a reviewer sees it.
const databases: (CatalogueRules & { title: string; template: string; login: string })[] = [
  {
    title: 'main',
    template: templates.main,
    login: 'test_tenant',
    global: [
      ...['users', 'replicas', 'migrations', 'turn_queue_clocks', 'plans', 'model_catalog', 'model_prices'],
      ...['platform_model_credentials', 'platform_model_routes', 'platform_model_targets'],
    ],
    tenantRole: 'parley_tenant',
    systemRole: 'parley_system',
  },
  {
    title: 'keystore',
    template: templates.keystore,
    login: 'test_keys',
    global: ['signing_keys', 'migrations', 'master_secrets', 'key_holders', 'key_changes', 'key_jobs', 'tombstones'],
    tenantRole: 'parley_keys',
  },
];

/** What the platform says of models: written by its operators, for all tenants. */
const platformModels = {
  model_catalog: ['name', 'context_window', 'max_output', 'vision', 'tools', 'reasoning', 'continues', 'updated_at'],
  model_prices: ['model', 'starts_at', 'input', 'output'],
  platform_model_routes: ['id', 'name', 'after_content_filter', 'updated_at'],
  platform_model_targets: ['route_id', 'position', 'credential_id', 'model', 'provider_model', 'continues', 'tier', 'weight'],
};

const refused = { privilege: '42501', neverSet: '42704', empty: '22P02' };

const opened = await Promise.all(
  databases.map(async (rules) => {
    const scratch = await scratchDatabase(inject('postgresUrl'), rules.template);
    const superuser = await scratch.connect();
    const { rows } = await superuser.query<{ name: string }>(
      `SELECT relname AS name FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace AND NOT relname = ANY($1) ORDER BY 1`,
      [rules.global],
    );
    return { rules, scratch, superuser, tables: rows.map(({ name }) => name) };
  }),
);
afterAll(async () => {
  for (const { scratch } of opened) await scratch.drop();
});

describe.each(opened)('P4: the $rules.title database', ({ rules, scratch, superuser, tables }) => {
  test('every table but the listed ones is held to its tenant', async () => {
    expect(tables.length).toBeGreaterThan(0);
    expect(await unprotectedTables(superuser, rules)).toEqual([]);
  });

  test('keys and references stay within a tenant', async () => {
    expect(await keysWithoutTenant(superuser, rules)).toEqual([]);
  });

  test('no runtime role is owner, superuser or free of row-level security', async () => {
    expect(await mightyRoles(superuser, ['test_tenant', 'test_system', 'test_keys'])).toEqual([]);
  });

  describe.each(tables)('%s', (table) => {
    const [tenantA, tenantB] = [newUuid(), newUuid()];
    let tenant: Client;
    let maker: RowMaker;
    let rowOf: Map<string, MadeRow>;

    beforeAll(async () => {
      maker = new RowMaker(superuser);
      rowOf = new Map();
      for (const id of [tenantA, tenantB]) rowOf.set(id, await maker.insert(table, id));
      tenant = await scratch.connect(rules.login);
    });
    afterAll(() => tenant.end());

    /** Runs one statement as `as`, without keeping its effect. Gives how many rows it touched, or its SQLSTATE. */
    async function attempt(as: string, sql: string, values: unknown[] = []): Promise<number | string> {
      await tenant.query('BEGIN');
      try {
        await tenant.query("SELECT set_config('app.tenant', $1, true)", [as]);
        return (await tenant.query(sql, values)).rowCount ?? 0;
      } catch (error) {
        return (error as { code: string }).code;
      } finally {
        await tenant.query('ROLLBACK');
      }
    }

    async function may(privilege: string): Promise<boolean> {
      const { rows } = await superuser.query<{ may: boolean }>('SELECT has_table_privilege($1, $2, $3) AS may', [
        rules.login,
        table,
        privilege,
      ]);
      return rows[0]?.may === true;
    }

    const key = table === 'tenants' ? 'id' : 'tenant_id';
    const statements = {
      SELECT: `SELECT 1 FROM ${table} WHERE tenant_id = $1`,
      UPDATE: `UPDATE ${table} SET ${key} = ${key} WHERE tenant_id = $1`,
      DELETE: `DELETE FROM ${table} WHERE tenant_id = $1`,
    };
    const everything = {
      SELECT: `SELECT 1 FROM ${table} WHERE tenant_id <> $1`,
      UPDATE: `UPDATE ${table} SET ${key} = ${key} WHERE tenant_id <> $1`,
      DELETE: `DELETE FROM ${table} WHERE tenant_id <> $1`,
    };

    test.each(['SELECT', 'UPDATE', 'DELETE'] as const)('%s reaches own rows and no others', async (command) => {
      const allowed = await may(command);
      const [ownRows, none] = allowed ? [1, 0] : [refused.privilege, refused.privilege];
      expect(await attempt(tenantA, statements[command], [tenantA])).toBe(ownRows);
      expect(await attempt(tenantB, statements[command], [tenantB])).toBe(ownRows);
      expect(await attempt(tenantA, statements[command], [tenantB])).toBe(none);
      expect(await attempt(tenantA, everything[command], [tenantA])).toBe(none);
      expect(await attempt(newUuid(), statements[command], [tenantA])).toBe(none);
    });

    test('INSERT makes own rows and no others', async () => {
      const fresh = newUuid();
      const { sql, values } = insertion(table, await maker.draft(table, fresh));
      expect(await attempt(fresh, sql, values)).toBe((await may('INSERT')) ? 1 : refused.privilege);
      expect(await attempt(tenantA, sql, values)).toBe(refused.privilege);
    });

    test('a row cannot be moved to another tenant', async () => {
      expect(await attempt(tenantA, `UPDATE ${table} SET ${key} = $1 WHERE tenant_id = $2`, [tenantB, tenantA])).toBe(refused.privilege);
    });

    test.each(['SELECT', 'INSERT', 'UPDATE', 'DELETE'] as const)('%s without a tenant is an error, never silence', async (command) => {
      const { sql, values } =
        command === 'INSERT' ? insertion(table, await maker.draft(table, newUuid())) : { sql: statements[command], values: [tenantA] };
      const allowed = await may(command);
      const never = await scratch.connect(rules.login);
      expect(await refusalOf(never, sql, values)).toBe(allowed ? refused.neverSet : refused.privilege);
      // What is left of the setting once a transaction that had it is over.
      await never.query('BEGIN');
      await never.query("SELECT set_config('app.tenant', $1, true)", [tenantA]);
      await never.query('COMMIT');
      expect((await never.query("SELECT current_setting('app.tenant') AS left")).rows).toEqual([{ left: '' }]);
      expect(await refusalOf(never, sql, values)).toBe(allowed ? refused.empty : refused.privilege);
      await never.end();
    });
  });
});

describe('P4: the system role', () => {
  const { superuser, scratch, rules } = opened[0] as (typeof opened)[number];

  test('reads listed columns only, and no ciphertext', async () => {
    const readable = await columnsOpenTo(superuser, 'test_system', 'SELECT');
    expect(readable).toEqual({
      api_keys: ['tenant_id', 'id', 'kind', 'key_hash', 'expires_at', 'revoked_at'],
      erasures: ['tenant_id', 'id', 'kind', 'subject_id', 'state'],
      idempotency_keys: ['tenant_id', 'id', 'expires_at'],
      identity_keys: ['tenant_id', 'id', 'revoked_at'],
      identity_providers: ['tenant_id', 'id', 'enabled'],
      invitations: ['tenant_id', 'id', 'token_hash', 'expires_at'],
      memberships: ['tenant_id', 'id', 'user_id', 'role', 'created_at'],
      migrations: ['id', 'timestamp', 'name'],
      oauth_clients: ['tenant_id', 'id'],
      oauth_grants: ['tenant_id', 'id', 'client_id', 'user_id', 'created_at', 'expires_at', 'revoked_at', 'strong'],
      personal_exports: ['tenant_id', 'id', 'state', 'link_hash', 'updated_at', 'expires_at'],
      ...platformModels,
      platform_model_credentials: ['id', 'name', 'kind', 'base_url', 'api_version', 'version', 'created_at', 'updated_at', 'covered'],
      outbox: ['tenant_id', 'id', 'name', 'payload', 'created_at', 'dispatched_at', 'given_up_at', 'last_error'],
      plans: ['id', 'name', 'tier', 'trial_days', 'limits', 'created_at', 'updated_at'],
      privacy_mappings: ['tenant_id', 'id', 'expires_at'],
      provider_calls: ['tenant_id', 'id', 'turn_id', 'state', 'created_at', 'settled_at'],
      refresh_tokens: ['tenant_id', 'id', 'session_id', 'token_hash'],
      replicas: ['id', 'role', 'started_at', 'beats', 'beat_at', 'slots', 'running', 'service_seconds'],
      second_factors: ['tenant_id', 'id', 'user_id', 'kind', 'credential_hash', 'confirmed_at', 'created_at'],
      security_policies: ['tenant_id', 'second_factor'],
      sessions: ['tenant_id', 'id', 'user_id', 'created_at', 'expires_at', 'revoked_at', 'amr', 'proven_at'],
      scim_users: ['tenant_id', 'id', 'user_id', 'active', 'made'],
      tenant_domains: ['tenant_id', 'id', 'domain', 'verified_at', 'enforced', 'break_glass_user_id'],
      tenant_privacy: ['tenant_id', 'swept_at'],
      tenants: ['id', 'tenant_id', 'status'],
      turn_queue_clocks: ['tier', 'at'],
      turn_queues: ['tenant_id', 'tier', 'weight'],
      turns: [
        ...['tenant_id', 'id', 'state', 'attempt', 'owner', 'stop_requested_at', 'deadline_at', 'error_code', 'created_at', 'started_at'],
        ...['finished_at', 'route', 'tier', 'virtual_start', 'queued_at', 'runs', 'retries', 'retry_at', 'given_up_at'],
      ],
      used_assertions: ['tenant_id', 'id', 'expires_at'],
      users: ['id', 'email_hash', 'password_hash', 'created_at', 'disabled_at', 'password_changed_at', 'email_verified_at'],
      visitor_bans: ['tenant_id', 'visitor_id', 'banned_at'],
      visitors: ['tenant_id', 'id'],
    });
    const { rows } = await superuser.query<{ name: string }>(
      `SELECT c.relname || '.' || a.attname AS name FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
       WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.atttypid = 'bytea'::regtype
         AND has_column_privilege('test_system', c.oid, a.attnum, 'SELECT') ORDER BY 1`,
    );
    expect(rows.map(({ name }) => name)).toEqual([
      'api_keys.key_hash',
      'invitations.token_hash',
      'personal_exports.link_hash',
      'refresh_tokens.token_hash',
      'second_factors.credential_hash',
      'users.email_hash',
      'users.password_hash',
    ]);
  });

  test('writes nothing but what is listed', async () => {
    expect(await columnsOpenTo(superuser, 'test_system', 'UPDATE')).toEqual({
      outbox: ['dispatched_at', 'given_up_at'],
      plans: ['id', 'name', 'tier', 'trial_days', 'limits', 'created_at', 'updated_at'],
      ...platformModels,
      platform_model_credentials: [
        ...['id', 'name', 'kind', 'base_url', 'api_version', 'secret', 'version', 'created_at', 'updated_at', 'covered'],
      ],
      replicas: ['id', 'role', 'started_at', 'beats', 'beat_at', 'slots', 'running', 'service_seconds'],
      turn_queue_clocks: ['tier', 'at'],
      users: ['id', 'email_hash', 'password_hash', 'created_at', 'disabled_at', 'password_changed_at', 'email_verified_at'],
    });
    expect(Object.keys(await columnsOpenTo(superuser, 'test_system', 'INSERT'))).toEqual([
      ...['model_catalog', 'model_prices', 'plans', 'platform_model_credentials', 'platform_model_routes', 'platform_model_targets'],
      'replicas',
      'turn_queue_clocks',
      'users',
    ]);
    const system = await scratch.connect('test_system');
    for (const table of opened[0]?.tables ?? []) {
      const { sql, values } = insertion(table, await new RowMaker(superuser).draft(table, newUuid()));
      expect(await refusalOf(system, sql, values), `insert into ${table}`).toBe(refused.privilege);
      expect(await refusalOf(system, `UPDATE ${table} SET tenant_id = DEFAULT`), `update ${table}`).toBe(refused.privilege);
      expect(await refusalOf(system, `DELETE FROM ${table}`), `delete from ${table}`).toBe(refused.privilege);
      expect(await refusalOf(system, `TRUNCATE ${table} CASCADE`), `truncate ${table}`).toBe(refused.privilege);
      expect(await refusalOf(system, `SELECT * FROM ${table}`), `all of ${table}`).toBe(
        ['outbox'].includes(table) ? 'accepted' : refused.privilege,
      );
    }
  });

  test('cannot take on the tenant role, nor the other way round', async () => {
    const [system, tenant] = [await scratch.connect('test_system'), await scratch.connect('test_tenant')];
    for (const role of [rules.tenantRole, 'test_tenant', 'postgres'])
      expect(await refusalOf(system, `SET ROLE ${role}`)).toBe(refused.privilege);
    for (const role of ['parley_system', 'test_system', 'postgres'])
      expect(await refusalOf(tenant, `SET ROLE ${role}`)).toBe(refused.privilege);
    expect(await refusalOf(tenant, 'SELECT * FROM users')).toBe(refused.privilege);
    expect(await refusalOf(tenant, 'SET row_security = off')).toBe('accepted');
    expect(await refusalOf(tenant, 'SELECT * FROM bots')).toBe(refused.privilege);
  });
});
