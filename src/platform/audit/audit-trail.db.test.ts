import pg from 'pg';
import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type ScratchDatabase, refusalOf, scratchDatabase } from '../../../test/support/scratch.ts';
import { templates, urlAs } from '../../../test/support/services.ts';
import { replaceClock } from '../../kernel/clock.ts';
import { newUuid, publicId } from '../../kernel/ids.ts';
import { asTenant, changed, inOneTrip, inTransaction, openPool, type Transaction } from '../database/index.ts';
import { requestContext } from '../telemetry/index.ts';
import { type AuditEntry, type AuditFacts, auditTrail, factsDigest, genesisHash, rowHash } from './index.ts';

let scratch: ScratchDatabase;
let pool: DataSource;
let owner: pg.Client;

beforeAll(async () => {
  scratch = await scratchDatabase(inject('postgresUrl'), templates.main);
  owner = await scratch.connect();
  // As it is in production; other tests need not wait for the disk.
  await owner.query(`ALTER DATABASE ${scratch.name} SET synchronous_commit = on`);
  const url = urlAs(inject('postgresUrl'), scratch.name, 'test_tenant');
  pool = await openPool({ url, applicationName: 'test', size: 16, statementTimeoutMs: 5_000, connectTimeoutMs: 5_000 });
});
afterAll(async () => {
  await pool.destroy();
  await scratch.drop();
});

const user = { kind: 'user', id: newUuid() } as const;
const created = (bot = newUuid()): AuditEntry => ({ actor: user, action: 'bot.create', object: { kind: 'bot', id: bot } });
const act = (tenant: string, work: (tx: Transaction) => Promise<unknown>) => inTransaction(pool, asTenant(tenant), work);
const record = (tenant: string, entry = created()) => act(tenant, async (tx) => auditTrail.record(tx, tenant, entry));

interface Row {
  facts: AuditFacts;
  seq: number;
  hash: Buffer;
}

async function chainOf(tenant: string): Promise<Row[]> {
  const { rows } = await owner.query('SELECT * FROM audit_events WHERE tenant_id = $1 ORDER BY seq', [tenant]);
  return rows.map((row) => ({
    seq: Number(row.seq),
    hash: row.row_hash as Buffer,
    facts: {
      version: row.version,
      tenant: publicId('tenant', row.tenant_id),
      at: (row.at as Date).toISOString(),
      actor: { kind: row.actor_kind, id: row.actor_id },
      action: row.action,
      target: row.object_kind === null ? null : { kind: row.object_kind, id: row.object_id },
      outcome: row.outcome,
      origin:
        row.network === null
          ? null
          : { network: row.network, address_hash: (row.address_hash as Buffer).toString('hex'), request_id: row.request_id },
      detail: row.detail,
    },
  }));
}

/** What is wrong with a chain, recomputed from what its rows say and held against the head; empty when nothing forks and nothing is missing. */
async function faultsOf(tenant: string, length: number): Promise<string[]> {
  const chain = await chainOf(tenant);
  const faults = chain.length === length ? [] : [`${chain.length} rows`];
  let before = genesisHash(tenant);
  for (const [at, { seq, hash, facts }] of chain.entries()) {
    before = rowHash(before, at + 1, factsDigest(facts));
    if (seq !== at + 1 || !hash.equals(before)) faults.push(`row ${seq}`);
  }
  const { rows } = await owner.query<{ seq: number; hash: Buffer }>(
    'SELECT seq::int, head_hash AS hash FROM audit_heads WHERE tenant_id = $1',
    [tenant],
  );
  return rows.length === 1 && rows[0]?.seq === length && rows[0].hash.equals(before) ? faults : [...faults, 'head'];
}

describe('the audit trail', () => {
  it('64 writers at once leave one chain without a fork or a gap, whatever else they lock', async () => {
    const tenant = newUuid();
    const writer = async (at: number) => {
      for (let turn = 0; turn < 5; turn += 1) {
        await act(tenant, async (tx) => {
          for (let n = 0; n <= at % 3; n += 1) auditTrail.record(tx, tenant, created());
          // A lock that others want too, in any order: the head comes after it.
          await tx.query('SELECT pg_advisory_xact_lock($1)', [at % 4]);
        });
      }
    };
    await Promise.all(Array.from({ length: 64 }, (_, at) => writer(at)));
    const entries = Array.from({ length: 64 }, (_, at) => 5 * ((at % 3) + 1)).reduce((sum, count) => sum + count, 0);
    expect(await faultsOf(tenant, entries)).toEqual([]);
  });

  it('an entry is there if, and only if, its transaction was committed', async () => {
    const tenant = newUuid();
    await record(tenant);
    const taken = act(tenant, async (tx) => {
      auditTrail.record(tx, tenant, created());
      await Promise.reject(new Error('changed my mind'));
    });
    await expect(taken).rejects.toThrow('changed my mind');
    const failed = act(tenant, async (tx) => {
      auditTrail.record(tx, tenant, created());
      await changed(tx, 'SELECT 1 / 0').catch(() => undefined);
    });
    await expect(failed).rejects.toMatchObject({ code: '22012' });
    expect(await faultsOf(tenant, 1)).toEqual([]);
    await inOneTrip(pool, asTenant(tenant), async (tx) => auditTrail.record(tx, tenant, created()));
    expect(await faultsOf(tenant, 2)).toEqual([]);
  });

  it('P1: who is told of the commit finds it on disk, though the chain was let go before', async () => {
    const tenant = newUuid();
    const lag: boolean[] = [];
    for (let n = 0; n < 20; n += 1) {
      let [before]: string[] = [];
      await act(tenant, async (tx) => {
        auditTrail.record(tx, tenant, created());
        const found = await tx.query('SELECT pg_current_wal_insert_lsn()::text AS lsn', []);
        before = (found.rows[0] as { lsn: string }).lsn;
      });
      const { rows } = await owner.query<{ behind: boolean }>('SELECT pg_current_wal_flush_lsn() <= $1::pg_lsn AS behind', [before]);
      lag.push(rows[0]?.behind === true);
    }
    expect(lag).not.toContain(true);
    const left = await act(tenant, (tx) => tx.query(`SELECT current_setting('synchronous_commit') AS value`, []));
    expect((left as { rows: unknown[] }).rows).toEqual([{ value: 'on' }]);
  });

  it('an act whose entry cannot be written does not happen', async () => {
    const [tenant, other] = [newUuid(), newUuid()];
    const act1 = act(tenant, async (tx) => {
      auditTrail.record(tx, other, created());
      await changed(tx, `INSERT INTO tenants (id, name) VALUES ($1, 'new')`, [tenant]);
    });
    await expect(act1).rejects.toMatchObject({ code: '42501' });
    expect((await owner.query('SELECT 1 FROM tenants WHERE id = $1', [tenant])).rowCount).toBe(0);
    let late: Transaction | undefined;
    await act(tenant, async (tx) => (late = tx));
    expect(() => auditTrail.record(late as Transaction, tenant, created())).toThrow('the transaction has ended');
    await record(tenant);
    expect(await faultsOf(tenant, 1)).toEqual([]);
  });

  it('every fact of an entry comes back as it was hashed, and where it came from is a network and a keyed hash', async () => {
    const tenant = newUuid();
    const requestId = publicId('request', newUuid());
    const origin = () => ({ network: '203.0.113.0/24', addressHash: () => Buffer.alloc(16, 7) });
    await requestContext.run({ request_id: requestId, origin }, () =>
      record(tenant, {
        ...created(),
        outcome: 'failed',
        detail: { z: 1.5, b: true, a: ['one', 'two'], large: 1e21, small: 5e-7, text: 'x' },
      }),
    );
    await requestContext.run({ request_id: 'ada.lovelace', origin }, () => record(tenant));
    await record(tenant, { actor: { kind: 'anonymous' }, action: 'session.sign_in', outcome: 'failed' });
    await record(tenant, { actor: { kind: 'operator', id: 'cli' }, action: 'plan.assign', object: { kind: 'plan', id: 'pro' } });
    expect(await faultsOf(tenant, 4)).toEqual([]);
    const [first, second] = await chainOf(tenant);
    expect(first?.facts.origin).toEqual({ network: '203.0.113.0/24', address_hash: '07'.repeat(16), request_id: requestId });
    expect(first?.facts.actor).toEqual({ kind: 'user', id: publicId('user', user.id) });
    expect(second?.facts.origin?.request_id).toBeNull();
  });

  it.each([
    ['text in a detail', { ...created(), detail: { note: 'my name is Ada' } }],
    ['an address in a detail', { ...created(), detail: { names: ['ada@example.com'] } }],
    ['a strange name of a detail', { ...created(), detail: { 'Ada Lovelace': true } }],
    ['a number that is none', { ...created(), detail: { n: Number.NaN } }],
    ['a name for an id', { ...created(), object: { kind: 'bot', id: 'Ada' } }],
    ['a text for a name of ours', { ...created(), object: { kind: 'plan', id: 'Plan of Ada' } }],
  ] satisfies [string, AuditEntry][])('P7: refuses %s', async (_what, entry) => {
    await expect(record(newUuid(), entry)).rejects.toThrow();
  });

  it('no role at run time changes or deletes a row, or sets a head back', async () => {
    const tenant = newUuid();
    await record(tenant);
    await record(tenant);
    for (const login of ['test_tenant', 'test_system']) {
      const client = await scratch.connect(login);
      await client.query(`SELECT set_config('app.tenant', $1, false)`, [tenant]);
      for (const sql of ['UPDATE audit_events SET action = action', 'DELETE FROM audit_events', 'TRUNCATE audit_events, audit_heads'])
        expect(await refusalOf(client, sql), `${login}: ${sql}`).toBe('42501');
      for (const sql of ['DELETE FROM audit_heads', 'UPDATE audit_checkpoints SET seq = 1', 'UPDATE audit_heads SET seq = 1'])
        expect(await refusalOf(client, sql), `${login}: ${sql}`).toBe('42501');
      for (const sql of ['UPDATE audit_heads SET seq = 5', `UPDATE audit_heads SET head_hash = '\\x00'`])
        expect(await refusalOf(client, sql), `${login}: ${sql}`).toBe('42501');
      await client.end();
    }
    expect(await faultsOf(tenant, 2)).toEqual([]);
  });

  it('the system role prunes what is older than 30 days, and what is left goes on from a checkpoint', async () => {
    const tenant = newUuid();
    let age = 40 * 86_400_000;
    const restore = replaceClock({ now: () => Date.now() - age });
    for (age of [40, 39, 38, 10, 35].map((days) => days * 86_400_000)) await record(tenant);
    restore();
    const system = await scratch.connect('test_system');
    const prune = async (days: number, most: number) =>
      (await system.query(`SELECT audit_prune($1, now() - make_interval(days => $2), $3) AS count`, [tenant, days, most])).rows[0]
        .count as number;
    const before = await chainOf(tenant);
    // The owner of the tables may be no superuser, whom their policies hold as well.
    await owner.query(`BEGIN; CREATE ROLE keeper; ALTER FUNCTION audit_prune OWNER TO keeper`);
    for (const table of ['audit_events', 'audit_checkpoints'])
      await owner.query(`ALTER TABLE ${table} OWNER TO keeper; ALTER POLICY keeping ON ${table} TO keeper`);
    await owner.query('SET LOCAL ROLE parley_system');
    const kept = await owner.query(`SELECT audit_prune($1, now() - interval '31 days', 2) AS count`, [tenant]);
    await owner.query('ROLLBACK');
    expect(kept.rows).toEqual([{ count: 2 }]);
    expect(await prune(31, 2)).toBe(2);
    // The fifth is old as well, but stands behind one that is not.
    expect(await prune(31, 100)).toBe(1);
    expect(await prune(31, 100)).toBe(0);
    expect((await chainOf(tenant)).map(({ seq }) => seq)).toEqual([4, 5]);
    const { rows } = await owner.query('SELECT seq::int, checkpoint_hash AS hash FROM audit_checkpoints WHERE tenant_id = $1', [tenant]);
    expect(rows).toEqual([{ seq: 3, hash: before[2]?.hash }]);
    await expect(prune(29, 100)).rejects.toMatchObject({ code: '42501' });
    // What it set for itself is gone, and nobody else may call it.
    expect((await system.query(`SELECT current_setting('app.tenant', true) AS left`)).rows[0].left || null).toBeNull();
    const runtime = await scratch.connect('test_tenant');
    expect(await refusalOf(runtime, `SELECT audit_prune('${tenant}', now() - interval '1 year', 1)`)).toBe('42501');
    await record(tenant);
    expect((await chainOf(tenant)).at(-1)?.seq).toBe(6);
  });
});
