import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { asSuperuser, urlAs } from './services.ts';

/** A database of a test's own, copied from a migrated template. */
export interface ScratchDatabase {
  name: string;
  /** Connects as superuser, or as a login role of the tests. */
  connect: (role?: string) => Promise<pg.Client>;
  /** Closes what was connected and drops the database. */
  drop: () => Promise<void>;
}

/** Copies `template`. The template itself must never be connected to: nobody else could copy it meanwhile. */
export async function scratchDatabase(postgresUrl: string, template: string): Promise<ScratchDatabase> {
  const name = `scratch_${process.pid}_${randomBytes(4).toString('hex')}`;
  await asSuperuser(postgresUrl, 'postgres', [`CREATE DATABASE ${name} TEMPLATE ${template}`]);
  const clients: pg.Client[] = [];
  return {
    name,
    connect: async (role) => {
      const client = new pg.Client({ connectionString: urlAs(postgresUrl, name, role) });
      await client.connect();
      clients.push(client);
      return client;
    },
    drop: async () => {
      for (const client of clients) await client.end().catch(() => undefined);
      await asSuperuser(postgresUrl, 'postgres', [`DROP DATABASE ${name} WITH (FORCE)`]);
    },
  };
}

/** SQLSTATE with which a statement is refused; 'accepted' when it is not. */
export async function refusalOf(client: pg.Client, sql: string, values: unknown[] = []): Promise<string> {
  try {
    await client.query(sql, values);
    return 'accepted';
  } catch (error) {
    return (error as { code?: string }).code ?? 'unknown error';
  }
}
