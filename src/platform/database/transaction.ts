import { createHash } from 'node:crypto';
import type { Socket } from 'node:net';
import type { PoolClient, QueryResult, QueryResultRow } from 'pg';
import { QueryFailedError } from 'typeorm';

/** Statements that get a name, and with it a kept plan, at most: far more than the code has. */
const maxNames = 500;
const names = new Map<string, string>();

/**
 * Codes of a kept plan that no longer holds: 26000, the server does not know the name (a pooler that shares connections, or
 * DISCARD); 0A000, the tables behind it have other columns now.
 */
const stalePlanCodes = new Set(['26000', '0A000']);

/**
 * A connection inside one transaction: the required first argument of every repository method. Statements go out at once and
 * in order, without waiting for the answer to the one before; those of one tick go out together.
 */
export class Transaction {
  private ended = false;
  private gathering = false;
  private beginFailure: unknown;
  private stalePlan = false;

  /** `prepared`: statements are named, so that Postgres parses and plans each once a connection. */
  constructor(
    private readonly client: PoolClient,
    private readonly prepared: boolean,
  ) {}

  /** True when the connection should not be used again. */
  get spoilt(): boolean {
    return this.stalePlan;
  }

  /** Sends what opens the transaction. A failure shows at the first statement, and as the reason of the whole. */
  begin(sql: string): void {
    this.gather();
    this.client.query(sql).catch((error: unknown) => {
      this.beginFailure = error;
    });
  }

  /** Runs one statement. Rejects with QueryFailedError, which carries the statement but no values. */
  query<R extends QueryResultRow>(sql: string, parameters: unknown[]): Promise<QueryResult<R>> {
    // A late statement would run in the transaction of whoever has the connection next.
    if (this.ended) return Promise.reject(new Error('the transaction has ended'));
    this.gather();
    const name = this.prepared ? nameOf(sql) : undefined;
    const running = this.client.query<R>(name === undefined ? { text: sql, values: parameters } : { name, text: sql, values: parameters });
    const answer = running.catch((error: unknown) => {
      if (name !== undefined && stalePlanCodes.has((error as { code?: string }).code ?? '')) this.stalePlan = true;
      throw new QueryFailedError(sql, [], error as Error);
    });
    // Whoever sent several looks at the first that fails; the others fail with it, and must not end the process.
    answer.catch(() => undefined);
    return answer;
  }

  /** Commits. Resolves only after Postgres has said COMMIT: a transaction that an error had aborted answers ROLLBACK. */
  async commit(): Promise<void> {
    this.ended = true;
    this.gather();
    const { command } = await this.client.query('COMMIT');
    if (command !== 'COMMIT') throw new Error('the transaction was rolled back by an earlier error');
  }

  /** Takes everything back. Gives the error to throw: what kept the transaction from beginning, or `thrown`. */
  async rollBack(thrown: unknown): Promise<unknown> {
    this.ended = true;
    // A connection that cannot even roll back is dead, and `pg` drops it from the pool.
    await this.client.query('ROLLBACK').catch(() => undefined);
    return this.beginFailure ?? thrown;
  }

  /** Holds back what is written until the end of this tick: one system call, and one wake-up of Postgres, for all of it. */
  private gather(): void {
    if (this.gathering) return;
    this.gathering = true;
    const { stream } = (this.client as unknown as { connection: { stream: Socket } }).connection;
    stream.cork();
    process.nextTick(() => {
      this.gathering = false;
      stream.uncork();
    });
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
  return (await tx.query(sql, parameters)).rowCount ?? 0;
}

/** The name of a statement: the same text has the same name on every connection and replica. Undefined when there are too many. */
function nameOf(sql: string): string | undefined {
  let name = names.get(sql);
  if (name === undefined && names.size < maxNames) {
    name = `p${createHash('sha256').update(sql).digest('hex').slice(0, 24)}`;
    names.set(sql, name);
  }
  return name;
}
