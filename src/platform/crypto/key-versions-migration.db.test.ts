import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { expect, inject, test } from 'vitest';
import { keystoreMigrations } from '../../../migrations/index.ts';
import { asSuperuser, urlAs } from '../../../test/support/services.ts';
import { newUuid } from '../../kernel/ids.ts';
import { migrate } from '../database/index.ts';

test('keys that were stored before they had versions are the current first ones of their subjects, and their tenants are known', async () => {
  const [postgresUrl, name] = [inject('postgresUrl'), `keys_before_${randomBytes(4).toString('hex')}`];
  const [tenantId, visitorId] = [newUuid(), newUuid()];
  await asSuperuser(postgresUrl, 'postgres', [
    `CREATE ROLE ${name} LOGIN PASSWORD 'test-role-password'`,
    `CREATE DATABASE ${name} OWNER ${name}`,
  ]);
  await asSuperuser(postgresUrl, name, [`ALTER SCHEMA public OWNER TO ${name}`]);
  // An owner that row-level security holds, as in production.
  const target = { ownerUrl: urlAs(postgresUrl, name, name), roles: [] };
  const client = new pg.Client({ connectionString: urlAs(postgresUrl, name) });
  try {
    await migrate({ ...target, migrations: keystoreMigrations.slice(0, 2) });
    await client.connect();
    for (const [kind, subject] of [
      ['tenant', tenantId],
      ['visitor', visitorId],
    ])
      await client.query('INSERT INTO wrapped_keys (tenant_id, id, kind, subject_id, wrapped) VALUES ($1, $2, $3, $4, $5)', [
        ...[tenantId, newUuid(), kind, subject],
        randomBytes(61),
      ]);
    await migrate({ ...target, migrations: keystoreMigrations });
    const { rows } = await client.query('SELECT kind, subject_id, version, state, superseded_at FROM wrapped_keys ORDER BY kind');
    expect(rows).toEqual([
      { kind: 'tenant', subject_id: tenantId, version: 1, state: 'current', superseded_at: null },
      { kind: 'visitor', subject_id: visitorId, version: 1, state: 'current', superseded_at: null },
    ]);
    expect((await client.query('SELECT tenant_id FROM key_holders')).rows).toEqual([{ tenant_id: tenantId }]);
    const forced = await client.query(`SELECT relforcerowsecurity AS forced FROM pg_class WHERE relname = 'wrapped_keys'`);
    expect(forced.rows).toEqual([{ forced: true }]);
  } finally {
    await client.end();
    await asSuperuser(postgresUrl, 'postgres', [`DROP DATABASE ${name} WITH (FORCE)`, `DROP ROLE ${name}`]);
  }
});
