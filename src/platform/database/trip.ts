import { createHash } from 'node:crypto';
import pg from 'pg';
import { StatementEncoder, type Values } from './statement-encoder.ts';

/** Statements that get a name, and with it a kept plan, at most: far more than the code has. */
const maxNames = 500;
const names = new Map<string, string>();

/** What a statement gave. `rowCount` is 0 where it says none. */
export interface StatementResult {
  rows: unknown[];
  rowCount: number;
  /** The first word of what Postgres calls it, such as INSERT or COMMIT. */
  command: string;
}

type Parse = (text: string) => unknown;

/** How the rows of a statement are read: they are the same each time, so they are asked for once. */
interface Columns {
  names: string[];
  parsers: Parse[];
  /** Every row begins as a copy, so that all have one shape. */
  empty: Record<string, unknown>;
}

/** A statement that a connection knows under its name. `unsure`: its first trip failed, and it may or may not be known. */
type Prepared = { columns: Columns | undefined } | 'sent' | 'unsure';

interface Asked {
  sql: string;
  values: Values;
  /** '' for one that is not kept. */
  name: string;
  columns: Columns | undefined;
  /** Whether this trip asks what it gives. */
  described: boolean;
  result: StatementResult;
  resolve: (result: StatementResult) => void;
  reject: (error: unknown) => void;
}

/** What `pg` calls its connection: where it writes. */
interface Wire {
  stream: { writable: boolean; write(bytes: Buffer): boolean };
}

interface RowDescription {
  fields: { name: string; dataTypeID: Parameters<typeof pg.types.getTypeParser>[0] }[];
}

const encoder = new StatementEncoder();
const known = new WeakMap<Wire, Map<string, Prepared>>();

/**
 * Statements that go to Postgres together, in one write, and are answered together: one message `Sync` for all of them. `pg` asks
 * for an answer of its own to each, which costs both sides a system call and a wake-up. When one fails, Postgres skips the
 * rest, and they fail with it.
 */
export class Trip extends pg.Query {
  /** In the order in which they run. */
  readonly statements: Asked[] = [];
  private at = 0;
  private wire: Wire | undefined;
  /** Called by `pg`, which wraps it with its time-out. */
  callback: (error: unknown) => void = (error) => this.settle(error);

  constructor(private readonly prepared: boolean) {
    super('');
  }

  /** Adds a statement. Resolves with what it gave; rejects with what it, or one before it, failed with. */
  add(sql: string, values: Values): Promise<StatementResult> {
    return new Promise((resolve, reject) => {
      const name = this.prepared ? nameOf(sql) : '';
      const result: StatementResult = { rows: [], rowCount: 0, command: '' };
      this.statements.push({ sql, values, name, columns: undefined, described: false, result, resolve, reject });
    });
  }

  /** Called by `pg` when it is this trip's turn. Gives an Error when nothing was sent. */
  override submit = (connection: unknown): Error | null => {
    const wire = connection as Wire;
    const kept = known.get(wire) ?? new Map<string, Prepared>();
    known.set(wire, kept);
    encoder.begin();
    try {
      for (const statement of this.statements) encode(statement, kept);
    } catch (error) {
      this.forgetSent(kept);
      return error instanceof Error ? error : new Error('a value could not be sent');
    }
    this.wire = wire;
    if (wire.stream.writable) wire.stream.write(encoder.sync());
    return null;
  };

  /** `pg` tells of each message of the answer. */
  handleRowDescription(message: RowDescription): void {
    const statement = this.statements[this.at];
    if (statement !== undefined) statement.columns = columnsOf(message);
  }

  handleDataRow(message: { fields: (string | null)[] }): void {
    const statement = this.statements[this.at];
    if (statement?.columns !== undefined) statement.result.rows.push(rowOf(statement.columns, message.fields));
  }

  handleCommandComplete(message: { text: string }): void {
    const statement = this.statements[this.at];
    if (statement === undefined) return;
    const words = message.text.split(' ');
    statement.result.command = words[0] ?? '';
    statement.result.rowCount = words.length > 1 ? Number(words.at(-1)) || 0 : 0;
    if (statement.described && statement.name !== '' && this.wire !== undefined)
      known.get(this.wire)?.set(statement.name, { columns: statement.columns });
    this.at += 1;
  }

  handleReadyForQuery(): void {
    this.callback(undefined);
  }

  handleError(error: unknown): void {
    this.callback(error);
  }

  private settle(error: unknown): void {
    const failed = error ?? (this.at < this.statements.length ? new Error('a statement was not answered') : undefined);
    if (failed !== undefined && this.wire !== undefined) this.forgetSent(known.get(this.wire));
    for (const [at, { result, resolve, reject }] of this.statements.entries()) {
      if (at < this.at) resolve(result);
      else reject(failed);
    }
  }

  /** Whether a statement was parsed before something failed is not known: next time it is made anew. */
  private forgetSent(kept: Map<string, Prepared> | undefined): void {
    for (const { name } of this.statements) if (kept?.get(name) === 'sent') kept.set(name, 'unsure');
  }
}

function encode(statement: Asked, kept: Map<string, Prepared>): void {
  const { name, sql, values } = statement;
  const prepared = name === '' ? undefined : kept.get(name);
  if (prepared === undefined || prepared === 'unsure') {
    if (prepared === 'unsure') encoder.close(name);
    encoder.parse(name, sql);
    if (name !== '') kept.set(name, 'sent');
  }
  encoder.bind(name, values);
  if (typeof prepared === 'object') statement.columns = prepared.columns;
  else {
    statement.described = true;
    encoder.describe();
  }
  encoder.execute();
}

function columnsOf({ fields }: RowDescription): Columns {
  const empty: Record<string, unknown> = {};
  for (const { name } of fields) empty[name] = null;
  return {
    names: fields.map(({ name }) => name),
    parsers: fields.map(({ dataTypeID }) => pg.types.getTypeParser(dataTypeID, 'text') as Parse),
    empty,
  };
}

function rowOf({ names: columns, parsers, empty }: Columns, values: (string | null)[]): Record<string, unknown> {
  const row = { ...empty };
  for (let at = 0; at < columns.length; at += 1) {
    const value = values[at];
    if (value !== null && value !== undefined) row[columns[at] as string] = parsers[at]?.(value);
  }
  return row;
}

/** The name of a statement: the same text has the same name on every connection and replica. '' when there are too many. */
function nameOf(sql: string): string {
  let name = names.get(sql);
  if (name === undefined) {
    if (names.size >= maxNames) return '';
    name = `p${createHash('sha256').update(sql).digest('hex').slice(0, 24)}`;
    names.set(sql, name);
  }
  return name;
}
