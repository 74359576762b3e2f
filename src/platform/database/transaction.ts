import type { PoolClient } from 'pg';
import { QueryFailedError } from 'typeorm';
import { type StatementResult, Trip } from './trip.ts';

/**
 * Codes of a kept plan that no longer holds: 26000, the server does not know the name (a pooler that shares connections, or
 * DISCARD); 42P05, it knows the name for another one; 0A000, the tables behind it have other columns now.
 */
const stalePlanCodes = new Set(['26000', '0A000', '42P05']);

/**
 * A commit that lets go of its locks at once, and behind it, in the same round trip, a message in the log that is waited for: the log is written
 * in order, so what came before it is on disk (and on synchronous standbys) when it is. Locks that one transaction after the other needs are so
 * not held while the disk works, and one flush serves many. Nobody hears of the commit before; what is lost with a crash was told to nobody.
 */
const commitWithoutFlush = `SELECT set_config('synchronous_commit', 'off', true)`;
const flushLog = `SELECT pg_logical_emit_message(true, 'parley', '')`;

/** A statement with its values. */
export interface Statement {
  sql: string;
  values: unknown[];
}

/**
 * A connection inside one transaction: the required first argument of every repository method. Statements go out in order,
 * without waiting for the answer to the one before; those of one tick go out, and are answered, together.
 */
export class Transaction {
  private ended = false;
  private gathering: Trip | undefined;
  private committing: Promise<void> | undefined;
  private last: (() => Statement[]) | undefined;
  private stalePlan = false;
  /** What failed first: nothing that comes after it may run, or be committed. */
  private failure: Error | undefined;
  private dead = false;

  /** `prepared`: statements are named, so that Postgres parses and plans each once a connection. */
  constructor(
    private readonly client: PoolClient,
    private readonly prepared: boolean,
  ) {}

  /** True when the connection should not be used again. */
  get spoilt(): boolean {
    return this.stalePlan || this.dead;
  }

  /** Opens the transaction, together with the first statement. A failure is that of all statements which go along. */
  begin(settings: Statement[]): void {
    this.send('BEGIN', []).catch(() => undefined);
    for (const { sql, values } of settings) this.send(sql, values).catch(() => undefined);
  }

  /** Runs one statement. Rejects with QueryFailedError, which carries the statement but no values. */
  query(sql: string, parameters: unknown[]): Promise<StatementResult> {
    // A late statement would run in the transaction of whoever has the connection next.
    if (this.ended) return Promise.reject(new Error('the transaction has ended'));
    if (this.failure !== undefined) return Promise.reject(new QueryFailedError(sql, [], this.failure));
    const answer = this.send(sql, parameters).catch((error: unknown) => {
      throw new QueryFailedError(sql, [], error as Error);
    });
    // Whoever sent several looks at the first that fails; the others fail with it, and must not end the process.
    answer.catch(() => undefined);
    return answer;
  }

  /**
   * Statements that go out with COMMIT, as the last of the transaction and in its round trip, for a lock that many want: it is taken after
   * every other one, and let go before the disk is waited for (see `flushLog`). Called once a transaction; `statements` is asked
   * when it commits. Throws when that is over.
   */
  beforeCommit(statements: () => Statement[]): void {
    if (this.ended) throw new Error('the transaction has ended');
    if (this.last !== undefined) throw new Error('there is one list of last statements');
    this.last = statements;
  }

  /** True when nothing can be added to the transaction any more. */
  get hasEnded(): boolean {
    return this.ended;
  }

  /**
   * Sends COMMIT along with the statements of this tick, in the same round trip; a statement that comes later is refused. For
   * work that has nothing left to decide: what it throws from here on takes nothing back, unless a statement failed.
   */
  commitAlong(): void {
    this.committing ??= this.sendCommit();
    // Its failure is that of a statement, which is thrown first.
    this.committing.catch(() => undefined);
  }

  /** Commits. Resolves only after Postgres has said COMMIT: a transaction that an error had aborted answers ROLLBACK. */
  commit(): Promise<void> {
    this.committing ??= this.sendCommit();
    return this.committing;
  }

  /** Takes everything back. */
  async rollBack(): Promise<void> {
    this.ended = true;
    this.flush();
    // A connection that cannot even roll back is dead, though `pg` may not know it yet.
    await this.client.query('ROLLBACK').catch(() => {
      this.dead = true;
    });
  }

  private async sendCommit(): Promise<void> {
    // Outside a transaction Postgres says COMMIT as well: one that never began must not count as committed.
    if (this.failure !== undefined) {
      this.ended = true;
      throw this.failure;
    }
    const last = this.last?.() ?? [];
    if (last.length > 0) last.unshift({ sql: commitWithoutFlush, values: [] });
    for (const { sql, values } of last) this.send(sql, values).catch(() => undefined);
    const answer = this.send('COMMIT', []);
    const flushed = last.length > 0 ? this.send(flushLog, []) : undefined;
    this.ended = true;
    this.flush();
    const { command } = await answer;
    if (command !== 'COMMIT') throw this.failure ?? new Error('the transaction was rolled back by an earlier error');
    await flushed;
  }

  /** Adds to what leaves at the end of this tick: one write, and one wake-up of Postgres and of us, for all of it. */
  private send(sql: string, values: unknown[]): Promise<StatementResult> {
    if (this.gathering === undefined) {
      this.gathering = new Trip(this.prepared);
      process.nextTick(() => this.flush());
    }
    const answer = this.gathering.add(sql, values);
    answer.catch((error: unknown) => this.noteFailure(error));
    return answer;
  }

  /** Heard before whoever sent the statement hears of it, and so before anything else is sent. */
  private noteFailure(error: unknown): void {
    this.failure ??= error instanceof Error ? error : new Error('a statement failed');
    if (this.prepared && stalePlanCodes.has((error as { code?: string }).code ?? '')) this.stalePlan = true;
  }

  private flush(): void {
    const trip = this.gathering;
    if (trip === undefined) return;
    this.gathering = undefined;
    this.client.query(trip);
  }
}

/** Runs one statement with parameters and gives its rows (empty for statements without RETURNING). */
export async function rows<R>(tx: Transaction, sql: string, parameters: unknown[] = []): Promise<R[]> {
  return (await tx.query(sql, parameters)).rows as R[];
}

/** Runs one statement that gives at most one row. */
export async function row<R>(tx: Transaction, sql: string, parameters: unknown[] = []): Promise<R | undefined> {
  return (await rows<R>(tx, sql, parameters))[0];
}

/** Runs one statement and gives how many rows it changed. */
export async function changed(tx: Transaction, sql: string, parameters: unknown[] = []): Promise<number> {
  return (await tx.query(sql, parameters)).rowCount;
}
