import type { Pool } from 'pg';
import { DataSource } from 'typeorm';
import { Silence, silentText } from './silence.ts';
import { type Statement, Transaction } from './transaction.ts';

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
  /** False behind a pooler that cannot keep prepared statements apart. */
  preparedStatements?: boolean;
}

/** How long a connection may be idle before it is closed, in milliseconds: with it go the plans that it keeps. */
const idleTimeoutMs = 600_000;

/** How much longer than a statement may run its answer is waited for, in milliseconds: Postgres itself ends it first, unless it is out of reach. */
const answerGraceMs = 500;

/** Transactions that may wait for a free connection of one pool. */
const maxWaiting = 10_000;

/** Longest wait for connections to end at a shutdown, in milliseconds: where nothing is heard, they never do. */
const closeWithinMs = 2_000;

/** Pools whose statements are not named. */
const unprepared = new WeakSet<DataSource>();

/** What is known of each pool's server. */
const silences = new WeakMap<DataSource, Silence>();

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
      // Nobody ends a statement whose server has fallen silent: the connection is given up then.
      query_timeout: options.statementTimeoutMs + answerGraceMs,
      keepAlive: true,
      idleTimeoutMillis: idleTimeoutMs,
      // Statements go out without waiting for the answer to the one before.
      pipeline: true,
    },
    // An idle connection that dies is replaced at the next use; without a listener it would end the process.
    poolErrorHandler: () => undefined,
  });
  if (options.preparedStatements === false) unprepared.add(source);
  return source.initialize();
}

/**
 * Runs `work` in one transaction that begins with `settings`, sent together with its first statements. Commits when `work`
 * resolves and rolls back when it throws. Resolves only after Postgres has said COMMIT.
 */
export async function inTransaction<T>(source: DataSource, settings: Statement[], work: (tx: Transaction) => Promise<T>): Promise<T> {
  const wait = silenceOf(source).enter();
  if (wait !== undefined) await wait;
  return heard(source, () => transact(source, settings, work, false));
}

/**
 * The same in a single round trip, for work that sends all its statements before it waits for any: COMMIT goes along with
 * them. A statement that comes later is refused.
 */
export async function inOneTrip<T>(source: DataSource, settings: Statement[], work: (tx: Transaction) => Promise<T>): Promise<T> {
  const wait = silenceOf(source).enter();
  if (wait !== undefined) await wait;
  return heard(source, () => transact(source, settings, work, true));
}

/** What a transaction for one tenant begins with: row-level security then shows that tenant's rows alone. */
export function asTenant(tenantId: string): Statement[] {
  return [{ sql: `SELECT set_config('app.tenant', $1, true)`, values: [tenantId] }];
}

/** A cheap round trip, also while the server counts as silent. Gives whether it is read only; throws when it does not answer. */
export async function ping(source: DataSource): Promise<{ readOnly: boolean }> {
  const sql = `SELECT current_setting('transaction_read_only') AS "readOnly"`;
  const [answer] = await heard(source, () => source.query<{ readOnly: string }[]>(sql));
  return { readOnly: answer?.readOnly === 'on' };
}

/** Remembers whether the server answered. */
async function heard<T>(source: DataSource, ask: () => Promise<T>): Promise<T> {
  const silence = silenceOf(source);
  const began = performance.now();
  try {
    const result = await ask();
    silence.answered();
    return result;
  } catch (error) {
    silence.failed(error, began, () => source.query('SELECT 1'));
    throw error;
  }
}

async function transact<T>(source: DataSource, settings: Statement[], work: (tx: Transaction) => Promise<T>, oneTrip: boolean): Promise<T> {
  // The pool beneath TypeORM: its query runner costs about as much again as the statement (events, results in several shapes).
  const pool = poolOf(source);
  if (pool.waitingCount >= maxWaiting) throw new Error(tooManyWaiting);
  const client = await pool.connect();
  // The pool listens to idle connections only; one that breaks meanwhile fails its statements, and must not end the process.
  client.on('error', ignore);
  const tx = new Transaction(client, !unprepared.has(source));
  try {
    tx.begin(settings);
    const working = work(tx);
    if (oneTrip) tx.commitAlong();
    const result = await working;
    await tx.commit();
    return result;
  } catch (error) {
    await tx.rollBack();
    throw error;
  } finally {
    client.off('error', ignore);
    client.release(tx.spoilt);
  }
}

function ignore(): void {
  // Told by the statements that fail.
}

/** Closes a pool. Resolves within two seconds, also when the server is out of reach. */
export async function closePool(source: DataSource): Promise<void> {
  if (!source.isInitialized) return;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, closeWithinMs);
  });
  await Promise.race([source.destroy(), late]);
  clearTimeout(timer);
}

function poolOf(source: DataSource): Pool {
  return (source.driver as unknown as { master: Pool }).master;
}

function silenceOf(source: DataSource): Silence {
  const known = silences.get(source) ?? new Silence();
  silences.set(source, known);
  return known;
}

const tooManyWaiting = 'too many transactions wait for a connection';

/** What `pg` and the pool say, without a code, of a server that is gone or silent. */
const unavailableTexts = new RegExp(
  [
    'timeout exceeded when trying to connect',
    'Query read timeout',
    'Connection terminated',
    'Client has encountered a connection error',
    'Client was closed and is not queryable',
    tooManyWaiting,
    silentText,
  ].join('|'),
);

/** True when the database could not be reached, broke off or cannot write, so that a retry later can help. */
export function isDatabaseUnavailable(error: unknown): boolean {
  const driver = driverErrorOf(error);
  const code = driver?.code ?? '';
  // Classes of the SQL standard: 08 connection, 53 resources (disk full), 57 operator intervention (shutdown, statement timeout),
  // 40 rollback (deadlock); time-outs of idle transactions and locks, a standby or read-only server, I/O errors; Node's socket errors.
  if (/^(08|53|57|40|25P03|25006|55P03|58030)/.test(code) || /^E(CONN|PIPE|HOST|NET|TIMEDOUT|NOTFOUND)/.test(code)) return true;
  return driver !== undefined && unavailableTexts.test(driver.message);
}

/** True when two transactions waited for each other, and this one was taken back: it can be tried again at once. */
export function isDeadlock(error: unknown): boolean {
  return driverErrorOf(error)?.code === '40P01';
}

/** The name of the foreign key that a statement violates: what it refers to is gone. Undefined for any other error. */
export function brokenReferenceOf(error: unknown): string | undefined {
  const driver = driverErrorOf(error);
  return driver?.code === '23503' ? (driver.constraint ?? '') : undefined;
}

/** Why Postgres takes no writes, as far as a failed one tells: its disk is full, or it is a standby. */
export function writeTroubleOf(error: unknown): 'disk full' | 'read only' | undefined {
  const code = driverErrorOf(error)?.code;
  if (code === '53100') return 'disk full';
  return code === '25006' ? 'read only' : undefined;
}

/** True when Postgres refuses a text for its characters: NUL, or bytes that are no UTF-8. */
export function isUnstorableText(error: unknown): boolean {
  // 22021 character_not_in_repertoire; 22P05 untranslatable_character, which is how jsonb refuses \u0000.
  return ['22021', '22P05'].includes(driverErrorOf(error)?.code ?? '');
}

interface DriverError {
  code?: string;
  constraint?: string;
  message: string;
}

function driverErrorOf(error: unknown): DriverError | undefined {
  if (!(error instanceof Error)) return undefined;
  const inner = (error as { driverError?: unknown }).driverError;
  return inner instanceof Error ? inner : error;
}
