import pg from 'pg';

/**
 * Lets Postgres live at another time, without touching the machine's clock: functions of the same names stand before those of
 * the system in the search path, and add what a table says. Statements of the server then see `now()` shifted; defaults of
 * columns, which were bound when their tables were made, do not, nor does a superuser who names `pg_catalog.now()`.
 */
export class MonthClock {
  private readonly ownerUrl: string;
  private readonly database: string;

  constructor(ownerUrl: string) {
    this.ownerUrl = ownerUrl;
    this.database = decodeURIComponent(new URL(ownerUrl).pathname.slice(1));
  }

  /** Shifts the clock so that the next UTC month begins in so many milliseconds. Gives when that will be, by the machine's clock. */
  async turnMonthIn(ms: number): Promise<number> {
    const now = new Date();
    // Before the shift is written: what is told is a little early, never late.
    const turnsAt = Date.now() + ms;
    const turn = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1);
    await this.run([
      'CREATE SCHEMA IF NOT EXISTS shifted_clock',
      'CREATE TABLE IF NOT EXISTS shifted_clock.shift (by interval NOT NULL)',
      'TRUNCATE shifted_clock.shift',
      `INSERT INTO shifted_clock.shift SELECT (to_timestamp(${turn / 1_000}) - pg_catalog.clock_timestamp()) - interval '${ms} milliseconds'`,
      ...['now', 'transaction_timestamp', 'statement_timestamp', 'clock_timestamp'].map(
        (name) => `CREATE OR REPLACE FUNCTION shifted_clock.${name}() RETURNS timestamptz LANGUAGE sql STABLE
          AS 'SELECT pg_catalog.${name}() + by FROM shifted_clock.shift'`,
      ),
      'GRANT USAGE ON SCHEMA shifted_clock TO PUBLIC',
      'GRANT SELECT ON shifted_clock.shift TO PUBLIC',
      `ALTER DATABASE ${this.database} SET search_path = shifted_clock, pg_catalog, public`,
    ]);
    await this.reconnectAll();
    return turnsAt;
  }

  /** Takes the shift back. */
  async reset(): Promise<void> {
    await this.run([`ALTER DATABASE ${this.database} RESET search_path`]);
    await this.reconnectAll();
  }

  /** Settings of a database hold for new connections; pools make them. */
  private async reconnectAll(): Promise<void> {
    await this.run([
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`,
    ]);
  }

  private async run(statements: string[]): Promise<void> {
    const client = new pg.Client({ connectionString: this.ownerUrl });
    await client.connect();
    try {
      for (const statement of statements) await client.query(statement);
    } finally {
      await client.end();
    }
  }
}
