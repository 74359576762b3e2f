import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { newUuid } from '../../src/kernel/ids.ts';
import { inTransaction, openPool, rows, TenantDatabase } from '../../src/platform/database/index.ts';
import { RowMaker } from '../support/row-maker.ts';
import { type ScratchDatabase, scratchDatabase } from '../support/scratch.ts';
import { templates, urlAs } from '../support/services.ts';

const [tenantA, tenantB] = [newUuid(), newUuid()];
let scratch: ScratchDatabase;
let pool: DataSource;
let database: TenantDatabase;

/** A pool of one connection shows what the next borrower gets. */
async function poolOf(size: number): Promise<DataSource> {
  const url = urlAs(inject('postgresUrl'), scratch.name, 'test_tenant');
  return openPool({ url, applicationName: 'test', size, statementTimeoutMs: 10_000, connectTimeoutMs: 5_000 });
}

beforeAll(async () => {
  scratch = await scratchDatabase(inject('postgresUrl'), templates.main);
  const maker = new RowMaker(await scratch.connect());
  for (const tenant of [tenantA, tenantB]) await maker.insert('bots', tenant);
  pool = await poolOf(1);
  database = new TenantDatabase(pool);
});
afterAll(async () => {
  await pool.destroy();
  await scratch.drop();
});

/** What a connection that came back to the pool still opens: the tenant left in it, and how many rows it shows. */
async function leftInPool(source: DataSource): Promise<{ tenant: string; bots: number | 'refused' }> {
  const [setting] = await source.query<{ tenant: string | null }[]>("SELECT current_setting('app.tenant', true) AS tenant");
  const bots = await source.query<{ count: number }[]>('SELECT count(*)::int FROM bots').then(
    (found) => found[0]?.count ?? 0,
    () => 'refused' as const,
  );
  return { tenant: setting?.tenant ?? '', bots };
}

const nothing = { tenant: '', bots: 'refused' };
const countBots = (tenant: string) =>
  database.forTenant(tenant, (tx) => rows<{ tenantId: string }>(tx, 'SELECT tenant_id AS "tenantId" FROM bots'));

test('P4: nothing of a tenant is left in a pooled connection, after success, failure and an aborted transaction', async () => {
  expect(await leftInPool(pool)).toEqual(nothing);
  expect(await countBots(tenantA)).toEqual([{ tenantId: tenantA }]);
  expect(await leftInPool(pool)).toEqual(nothing);

  await expect(database.forTenant(tenantA, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  expect(await leftInPool(pool)).toEqual(nothing);

  const swallowed = database.forTenant(tenantA, (tx) => rows(tx, 'SELECT 1 / 0').catch(() => []));
  await expect(swallowed).rejects.toThrow('division by zero');
  expect(await leftInPool(pool)).toEqual(nothing);
});

test('P4: the same check finds a tenant that was set for the session instead of the transaction', async () => {
  const leaky = await poolOf(1);
  try {
    const begin = [{ sql: `SELECT set_config('app.tenant', $1, false)`, values: [tenantA] }];
    expect(await inTransaction(leaky, begin, (tx) => rows(tx, 'SELECT 1 FROM bots'))).toHaveLength(1);
    expect(await leftInPool(leaky)).toEqual({ tenant: tenantA, bots: 1 });
  } finally {
    await leaky.destroy();
  }
});

test('P4: the same check finds a SET without LOCAL inside the work', async () => {
  const leaky = await poolOf(1);
  try {
    await new TenantDatabase(leaky).forTenant(tenantA, (tx) => rows(tx, `SET app.tenant = '${tenantB}'`));
    expect(await leftInPool(leaky)).toEqual({ tenant: tenantB, bots: 1 });
  } finally {
    await leaky.destroy();
  }
});

test('P4: many tenants at once on few connections each see their own', async () => {
  const shared = await poolOf(3);
  try {
    const both = new TenantDatabase(shared);
    const seen = await Promise.all(
      Array.from({ length: 60 }, async (_, at) => {
        const tenant = at % 2 === 0 ? tenantA : tenantB;
        const found = await both.forTenant(tenant, (tx) => rows<{ tenantId: string }>(tx, 'SELECT tenant_id AS "tenantId" FROM bots'));
        return found.length === 1 && found[0]?.tenantId === tenant;
      }),
    );
    expect(seen).toEqual(Array.from({ length: 60 }, () => true));
  } finally {
    await shared.destroy();
  }
});

test.each(['', 'nobody', `${tenantA}'; SELECT 1 --`, tenantA.toUpperCase(), ` ${tenantA}`, tenantA.slice(1)])(
  'P4: forTenant takes a UUID and nothing else (%j)',
  (id) => {
    expect(() => database.forTenant(id, () => Promise.resolve())).toThrow('needs the UUID');
  },
);
