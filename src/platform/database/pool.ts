import { DataSource, type EntityManager } from 'typeorm';

/** A connection inside one transaction: the required first argument of every repository method. */
export type Transaction = EntityManager;

/** What a pool is opened with. */
export interface PoolOptions {
  url: string;
  /** Shown in pg_stat_activity. */
  applicationName: string;
  size: number;
  /** Milliseconds. */
  statementTimeoutMs: number;
  /** Milliseconds to wait for a connection, new or free. */
  connectTimeoutMs: number;
}

/** The part of a `pg` client that transactions need. */
interface PgClient {
  query(sql: string): Promise<{ command: string } | { command: string }[]>;
}

/** Opens a pool of connections. Throws when the database cannot be reached. */
export async function openPool(options: PoolOptions): Promise<DataSource> {
  const source = new DataSource({
    type: 'postgres',
    url: options.url,
    applicationName: options.applicationName,
    poolSize: options.size,
    connectTimeoutMS: options.connectTimeoutMs,
    synchronize: false,
    migrationsRun: false,
    installExtensions: false,
    logging: false,
    extra: {
      statement_timeout: options.statementTimeoutMs,
      idle_in_transaction_session_timeout: options.statementTimeoutMs,
      keepAlive: true,
    },
    // An idle connection that dies is replaced at the next use; without a listener it would end the process.
    poolErrorHandler: () => undefined,
  });
  return source.initialize();
}

/**
 * Runs `work` in one transaction that begins with `begin`, sent as one simple query so that opening a transaction with
 * its settings is one round trip. Commits when `work` resolves and rolls back when it throws. Resolves only after
 * Postgres has said COMMIT: a transaction that a swallowed error had aborted answers ROLLBACK, which throws here.
 */
export async function inTransaction<T>(source: DataSource, begin: string, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const runner = source.createQueryRunner();
  const client = (await runner.connect()) as PgClient;
  try {
    await client.query(begin);
    const result = await work(runner.manager);
    const ended = await client.query('COMMIT');
    if (Array.isArray(ended) || ended.command !== 'COMMIT') throw new Error('the transaction was rolled back by an earlier error');
    return result;
  } catch (error) {
    // A connection that cannot even roll back is dead, and `pg` has dropped it from the pool.
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  } finally {
    await runner.release();
  }
}

/** Runs one statement with parameters and gives its rows (empty for statements without RETURNING). */
export async function rows<R>(tx: Transaction, sql: string, parameters: unknown[] = []): Promise<R[]> {
  const result = await runnerOf(tx).query(sql, parameters, true);
  return result.records as R[];
}

/** Runs one statement that gives at most one row. */
export async function row<R>(tx: Transaction, sql: string, parameters: unknown[] = []): Promise<R | undefined> {
  return (await rows<R>(tx, sql, parameters))[0];
}

/** Runs one statement and gives how many rows it changed. */
export async function changed(tx: Transaction, sql: string, parameters: unknown[] = []): Promise<number> {
  const result = await runnerOf(tx).query(sql, parameters, true);
  return result.affected ?? 0;
}

function runnerOf(tx: Transaction) {
  const runner = tx.queryRunner;
  if (runner === undefined) throw new Error('not inside a transaction');
  return runner;
}

/** True when the database could not be reached or broke off, so that a retry later can help. */
export function isDatabaseUnavailable(error: unknown): boolean {
  const driver = driverErrorOf(error);
  const code = driver?.code ?? '';
  // Classes of the SQL standard: 08 connection, 53 resources, 57 operator intervention (shutdown, statement timeout), 40 rollback
  // (deadlock), and time-outs of idle transactions and locks; Node's socket errors; pg's own texts.
  if (/^(08|53|57|40|25P03|55P03)/.test(code) || /^E(CONN|PIPE|HOST|NET|TIMEDOUT|NOTFOUND)/.test(code)) return true;
  return (
    driver !== undefined &&
    /timeout exceeded when trying to connect|Connection terminated|Client has encountered a connection error/.test(driver.message)
  );
}

/** True when Postgres refuses a text for its characters: NUL, or bytes that are no UTF-8. */
export function isUnstorableText(error: unknown): boolean {
  // 22021 character_not_in_repertoire; 22P05 untranslatable_character, which is how jsonb refuses \u0000.
  return ['22021', '22P05'].includes(driverErrorOf(error)?.code ?? '');
}

interface DriverError {
  code?: string;
  message: string;
}

function driverErrorOf(error: unknown): DriverError | undefined {
  if (!(error instanceof Error)) return undefined;
  const inner = (error as { driverError?: unknown }).driverError;
  return inner instanceof Error ? inner : error;
}
