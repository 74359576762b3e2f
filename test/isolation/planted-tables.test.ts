import type { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, inject, test } from 'vitest';
import { type CatalogueRules, columnsOpenTo, keysWithoutTenant, mightyRoles, unprotectedTables } from '../support/catalogue.ts';
import { type ScratchDatabase, scratchDatabase } from '../support/scratch.ts';
import { templates } from '../support/services.ts';

// The catalogue checks must be able to fail: each fault is planted in a transaction, found, and taken back.
const rules: CatalogueRules = {
  global: [
    ...['users', 'replicas', 'migrations', 'turn_queue_clocks', 'plans', 'model_catalog', 'model_prices'],
    ...['platform_model_credentials', 'platform_model_routes', 'platform_model_targets'],
  ],
  tenantRole: 'parley_tenant',
  systemRole: 'parley_system',
};

let scratch: ScratchDatabase;
let client: Client;
beforeAll(async () => {
  scratch = await scratchDatabase(inject('postgresUrl'), templates.main);
  client = await scratch.connect();
});
afterAll(() => scratch.drop());
beforeEach(() => client.query('BEGIN'));
afterEach(() => client.query('ROLLBACK'));

const columns = 'tenant_id uuid NOT NULL, id uuid NOT NULL, note text, PRIMARY KEY (tenant_id, id)';
const condition = "tenant_id = current_setting('app.tenant')::uuid";
const enable = 'ALTER TABLE planted ENABLE ROW LEVEL SECURITY;';
const force = 'ALTER TABLE planted FORCE ROW LEVEL SECURITY;';
const policy = (using: string, check: string, what = 'TO parley_tenant') =>
  `CREATE POLICY tenant_isolation ON planted ${what} USING (${using}) WITH CHECK (${check});`;
const good = `CREATE TABLE planted (${columns}); ${enable} ${force} ${policy(condition, condition)}`;

test('P4: a well protected new table is no fault', async () => {
  await client.query(good);
  expect(await unprotectedTables(client, rules)).toEqual([]);
  expect(await keysWithoutTenant(client, rules)).toEqual([]);
});

test.each([
  ['no row-level security', `CREATE TABLE planted (${columns})`, 'planted has no row-level security'],
  [
    'row-level security without a policy',
    `CREATE TABLE planted (${columns}); ${enable} ${force}`,
    'planted has no tenant policy for all statements',
  ],
  ['row-level security that is not forced', good.replace(force, ''), 'planted does not force row-level security on its owner'],
  [
    'a policy without WITH CHECK',
    good.replace(`WITH CHECK (${condition})`, ''),
    "planted: WITH CHECK of tenant_isolation is not the tenant's",
  ],
  [
    'a WITH CHECK that lets everything in',
    good.replace(policy(condition, condition), policy(condition, 'true')),
    "planted: WITH CHECK of tenant_isolation is not the tenant's",
  ],
  [
    'a USING that shows everything',
    good.replace(policy(condition, condition), policy('true', condition)),
    "planted: USING of tenant_isolation is not the tenant's",
  ],
  [
    'a missing tenant that matches nothing silently',
    good.replaceAll("current_setting('app.tenant')", "current_setting('app.tenant', true)"),
    "planted: USING of tenant_isolation is not the tenant's",
  ],
  [
    'a policy for reading only',
    good.replace('ON planted TO', 'ON planted FOR SELECT TO').replace(`WITH CHECK (${condition})`, ''),
    'planted has no tenant policy for all statements',
  ],
  [
    'a second policy that opens the table',
    `${good} CREATE POLICY more ON planted FOR SELECT USING (true)`,
    "planted: USING of more is not the tenant's",
  ],
  ['no tenant at all', 'CREATE TABLE planted (id uuid PRIMARY KEY)', 'planted has no tenant_id uuid NOT NULL'],
  ['a tenant that may be absent', 'CREATE TABLE planted (tenant_id uuid, id uuid)', 'planted has no tenant_id uuid NOT NULL'],
  [
    'a tenant that is text',
    good.replace('tenant_id uuid', 'tenant_id text').replaceAll('::uuid', ''),
    'planted has no tenant_id uuid NOT NULL',
  ],
  ['a table in another schema', `CREATE SCHEMA aside; CREATE TABLE aside.planted (${columns})`, 'planted has no row-level security'],
  ['a view', 'CREATE VIEW planted AS SELECT * FROM bots', 'planted is no table: row-level security does not hold it'],
  ['protection that was taken off', 'ALTER TABLE messages DISABLE ROW LEVEL SECURITY', 'messages has no row-level security'],
])('P4: the check finds %s', async (_what, fault, finding) => {
  await client.query(fault);
  expect(await unprotectedTables(client, rules)).toContain(finding);
});

test.each([
  [
    'a foreign key',
    'ALTER TABLE bots ADD UNIQUE (tenant_id, id, name); CREATE TABLE p (tenant_id uuid NOT NULL, bot uuid REFERENCES lone (id))',
    'p: the foreign key p_bot_fkey leaves tenant_id out',
  ],
  [
    'a foreign key that pairs tenant_id with another column',
    'CREATE TABLE p (tenant_id uuid NOT NULL, bot uuid, FOREIGN KEY (bot, tenant_id) REFERENCES bots (tenant_id, id))',
    'p: the foreign key p_bot_tenant_id_fkey leaves tenant_id out',
  ],
  [
    'a unique constraint',
    'CREATE TABLE p (tenant_id uuid NOT NULL, name text UNIQUE)',
    'p: the unique key p_name_key leaves tenant_id out',
  ],
  ['a primary key', 'CREATE TABLE p (tenant_id uuid NOT NULL, id uuid PRIMARY KEY)', 'p: the unique key p_pkey leaves tenant_id out'],
  [
    'a unique index over an expression',
    'CREATE UNIQUE INDEX planted ON bots (lower(name))',
    'bots: the unique key planted leaves tenant_id out',
  ],
])('P4: the check finds %s without tenant_id', async (_what, fault, finding) => {
  await client.query('CREATE TABLE lone (tenant_id uuid NOT NULL, id uuid UNIQUE)');
  await client.query(fault);
  expect(await keysWithoutTenant(client, rules)).toContain(finding);
});

// Roles belong to the whole cluster, so the faults are given to a role that exists only inside the transaction.
test.each([
  ['a superuser', 'ALTER ROLE planted SUPERUSER', /planted is or may become planted, which is superuser/],
  ['BYPASSRLS', 'ALTER ROLE planted BYPASSRLS', /bypasses row-level security/],
  ['an owner', 'ALTER TABLE bots OWNER TO planted', /planted owns bots/],
  ['a member of a mighty role', 'CREATE ROLE mighty BYPASSRLS; GRANT mighty TO planted', /planted is or may become mighty/],
  ['somebody who may TRUNCATE', 'GRANT TRUNCATE ON bots TO planted', /planted may TRUNCATE bots/],
  [
    "a function with its owner's rights",
    'CREATE FUNCTION leak() RETURNS int LANGUAGE sql SECURITY DEFINER AS $$ SELECT 1 $$',
    /function leak/,
  ],
  ['a function of the owner that is opened', 'GRANT EXECUTE ON FUNCTION audit_prune TO planted', /function audit_prune/],
])('P4: the check finds %s', async (_what, fault, finding) => {
  await client.query('CREATE ROLE planted LOGIN');
  expect(await mightyRoles(client, ['planted'])).toEqual([]);
  await client.query(fault);
  expect((await mightyRoles(client, ['planted'])).join('\n')).toMatch(finding);
});

test('P4: the check finds a ciphertext column that is opened to the system role', async () => {
  expect((await columnsOpenTo(client, 'test_system', 'SELECT'))['messages']).toBeUndefined();
  await client.query('GRANT SELECT (content) ON messages TO parley_system');
  expect((await columnsOpenTo(client, 'test_system', 'SELECT'))['messages']).toEqual(['content']);
});
