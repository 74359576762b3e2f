import pg from 'pg';
import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type ScratchDatabase, scratchDatabase } from '../../../test/support/scratch.ts';
import { templates, urlAs } from '../../../test/support/services.ts';
import { changed, inOneTrip, inTransaction, openPool, row, rows, type Transaction } from './index.ts';

let scratch: ScratchDatabase;
let url: string;
let pool: DataSource;
const opened: DataSource[] = [];

/** A pool of one connection, so that what one transaction leaves in it meets the next. */
async function poolOfOne(over: { preparedStatements?: boolean } = {}): Promise<DataSource> {
  const source = await openPool({ url, applicationName: 'test', size: 1, statementTimeoutMs: 5_000, connectTimeoutMs: 5_000, ...over });
  opened.push(source);
  return source;
}

beforeAll(async () => {
  scratch = await scratchDatabase(inject('postgresUrl'), templates.main);
  url = urlAs(inject('postgresUrl'), scratch.name, 'test_tenant');
  const owner = await scratch.connect();
  await owner.query('CREATE TABLE counted (id integer PRIMARY KEY, note text); GRANT ALL ON counted TO PUBLIC');
  pool = await poolOfOne();
});
afterAll(async () => {
  for (const source of opened) await source.destroy();
  await scratch.drop();
});

const insert = (tx: Transaction, id: number) => changed(tx, 'INSERT INTO counted (id) VALUES ($1)', [id]);
const ids = (source: DataSource) =>
  inTransaction(source, [], async (tx) => (await rows<{ id: number }>(tx, 'SELECT id FROM counted ORDER BY id')).map(({ id }) => id));
const kept = async (source: DataSource) =>
  (await source.query<{ statement: string }[]>('SELECT statement FROM pg_prepared_statements')).map(({ statement }) => statement);

describe('a transaction', () => {
  it('sends statements without waiting, in order, and commits them together', async () => {
    const order: number[] = [];
    await inTransaction(pool, [], async (tx) => {
      const sent = [1, 2, 3].map(async (id) => {
        await insert(tx, id);
        order.push(id);
      });
      await Promise.all(sent);
    });
    expect(order).toEqual([1, 2, 3]);
    expect(await ids(pool)).toEqual([1, 2, 3]);
  });

  it('leaves nothing of statements that were sent beside one that fails, and gives that one’s error', async () => {
    const failing = inTransaction(pool, [], (tx) => Promise.all([insert(tx, 10), insert(tx, 1), insert(tx, 11)]));
    await expect(failing).rejects.toMatchObject({ code: '23505', driverError: { code: '23505' } });
    expect(await ids(pool)).toEqual([1, 2, 3]);
  });

  it('commits nothing when a statement failed that nobody waited for', async () => {
    const failing = inTransaction(pool, [], async (tx) => {
      void insert(tx, 1).catch(() => undefined);
      await insert(tx, 10).catch(() => undefined);
    });
    await expect(failing).rejects.toMatchObject({ code: '23505' });
    expect(await ids(pool)).toEqual([1, 2, 3]);
  });

  it('commits nothing, and runs nothing more, when what never left took BEGIN along', async () => {
    const tooMany = Array.from({ length: 70_000 }, () => 1);
    const failing = inTransaction(pool, [], async (tx) => {
      await tx.query('SELECT $1', tooMany).catch(() => undefined);
      await insert(tx, 20).catch(() => undefined);
    });
    await expect(failing).rejects.toThrow();
    expect(await ids(pool)).toEqual([1, 2, 3]);
  });

  it('refuses a statement that comes after its end, which would be in the next one’s transaction', async () => {
    let late: Transaction | undefined;
    await inTransaction(pool, [], (tx) => {
      late = tx;
      return insert(tx, 4);
    });
    await expect(insert(late as Transaction, 5)).rejects.toThrow('has ended');
    expect(await ids(pool)).toEqual([1, 2, 3, 4]);
  });

  it('tells why it could not begin, and not that its statements failed after that', async () => {
    const failing = inTransaction(pool, [{ sql: 'SELECT 1 / 0', values: [] }], (tx) => insert(tx, 5));
    await expect(failing).rejects.toMatchObject({ code: '22012' });
    expect(await ids(pool)).toEqual([1, 2, 3, 4]);
  });

  it('carries no values in its errors', async () => {
    const failing = inTransaction(pool, [], (tx) => rows(tx, 'SELECT $1::int', ['very personal']));
    await expect(failing).rejects.toMatchObject({ parameters: [] });
  });
});

describe('in one round trip', () => {
  it('commits what was sent at once', async () => {
    expect(await inOneTrip(pool, [], (tx) => insert(tx, 20))).toBe(1);
    expect(await ids(pool)).toContain(20);
  });

  it('gives the error of a statement that fails, and keeps nothing', async () => {
    const failing = inOneTrip(pool, [], (tx) => Promise.all([insert(tx, 21), insert(tx, 20)]));
    await expect(failing).rejects.toMatchObject({ code: '23505' });
    expect(await ids(pool)).not.toContain(21);
  });

  it('refuses a statement that waited for another', async () => {
    const failing = inOneTrip(pool, [], async (tx) => {
      await row(tx, 'SELECT 1');
      await insert(tx, 22);
    });
    await expect(failing).rejects.toThrow('has ended');
    expect(await ids(pool)).not.toContain(22);
  });
});

describe('COMMIT sent along', () => {
  it('commits what was sent with it, after statements that were waited for', async () => {
    await inTransaction(pool, [], async (tx) => {
      const found = await rows(tx, 'SELECT id FROM counted WHERE id = $1', [1]);
      const inserting = insert(tx, 30 + found.length);
      tx.commitAlong();
      await inserting;
    });
    expect(await ids(pool)).toContain(31);
  });

  it('takes back what was sent before a statement that fails, and gives its error', async () => {
    const failing = inTransaction(pool, [], async (tx) => {
      await insert(tx, 32);
      const inserting = Promise.all([insert(tx, 33), insert(tx, 1)]);
      tx.commitAlong();
      await inserting;
    });
    await expect(failing).rejects.toMatchObject({ code: '23505' });
    expect(await ids(pool)).not.toEqual(expect.arrayContaining([32]));
    expect(await ids(pool)).not.toEqual(expect.arrayContaining([33]));
  });

  it('refuses what comes after it', async () => {
    const failing = inTransaction(pool, [], async (tx) => {
      tx.commitAlong();
      await insert(tx, 34);
    });
    await expect(failing).rejects.toThrow('has ended');
    expect(await ids(pool)).not.toContain(34);
  });
});

describe('a trip', () => {
  it('carries the statements of one tick together, and asks once for an answer', async () => {
    const { query } = pg.Client.prototype;
    const trips: number[] = [];
    pg.Client.prototype.query = function counting(this: pg.Client, ...args: unknown[]) {
      const { statements } = args[0] as { statements?: unknown[] };
      if (statements !== undefined) trips.push(statements.length);
      return (query as (...all: unknown[]) => unknown).apply(this, args);
    } as typeof query;
    try {
      await inOneTrip(pool, [{ sql: 'SELECT 1', values: [] }], (tx) => Promise.all([row(tx, 'SELECT 2'), row(tx, 'SELECT 3')]));
    } finally {
      pg.Client.prototype.query = query;
    }
    expect(trips).toEqual([5]);
  });

  it('carries values of every kind and size, and none', async () => {
    const long = 'ä€😀'.repeat(100_000);
    const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, at) => at % 256));
    const ask = () =>
      inOneTrip(pool, [], (tx) =>
        row(
          tx,
          `SELECT $1::text AS long, $2::bytea AS bytes, $3::int AS number, $4::boolean AS yes, $5::text AS none, $6::text[] AS list,
             $7::timestamptz AS at`,
          [long, bytes, 7, true, null, ['a"b', 'c'], new Date(0)],
        ),
      );
    const expected = { long, bytes, number: 7, yes: true, none: null, list: ['a"b', 'c'], at: new Date(0) };
    expect(await ask()).toEqual(expected);
    // The second time the columns are known already.
    expect(await ask()).toEqual(expected);
  });

  it('that failed leaves statements which can be asked again on the same connection', async () => {
    const own = await poolOfOne();
    const half = (value: string) =>
      inOneTrip(own, [], (tx) => Promise.all([row(tx, 'SELECT $1::int AS n', [value]), row(tx, 'SELECT 5 AS n')]));
    await expect(half('no number')).rejects.toMatchObject({ code: '22P02' });
    const process = async () => (await own.query<{ pid: number }[]>('SELECT pg_backend_pid() AS pid'))[0]?.pid;
    const before = await process();
    expect(await half('4')).toEqual([{ n: 4 }, { n: 5 }]);
    expect(await half('6')).toEqual([{ n: 6 }, { n: 5 }]);
    expect(await process()).toBe(before);
  });
});

describe('prepared statements', () => {
  const sql = 'SELECT note FROM counted WHERE id = $1';
  const ask = (source: DataSource) => inTransaction(source, [], (tx) => rows(tx, sql, [1]));

  it('are kept with the connection, once each', async () => {
    const own = await poolOfOne();
    for (let times = 0; times < 3; times += 1) await ask(own);
    expect((await kept(own)).filter((statement) => statement === sql)).toHaveLength(1);
  });

  it('are not made where a pooler cannot keep them apart', async () => {
    const own = await poolOfOne({ preparedStatements: false });
    await ask(own);
    expect(await kept(own)).toEqual([]);
  });

  it('that the server has forgotten cost one transaction, not the connection’s whole life', async () => {
    const own = await poolOfOne();
    await ask(own);
    await own.query('DEALLOCATE ALL');
    await expect(ask(own)).rejects.toMatchObject({ code: '26000' });
    expect(await ask(own)).toHaveLength(1);
  });

  it('of a table that has changed cost one transaction too', async () => {
    const own = await poolOfOne();
    const all = () => inTransaction(own, [], (tx) => rows(tx, 'SELECT * FROM counted WHERE id = 1'));
    await all();
    await (await scratch.connect()).query('ALTER TABLE counted ADD COLUMN more text');
    await expect(all()).rejects.toMatchObject({ code: '0A000' });
    expect(await all()).toHaveLength(1);
  });
});
