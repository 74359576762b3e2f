import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { migrateAll } from '../../src/apps/migrate.main.ts';

/** Names of the migrated databases that each test file copies. */
export const templates = { main: 'parley_template', keystore: 'parley_keystore_template' } as const;

/** Passwords of the runtime roles in tests. */
export const rolePassword = 'test-role-password';

/** A running Postgres and Redis. */
export interface Services {
  /** As superuser, database `postgres`. */
  postgresUrl: string;
  redisUrl: string;
  stop: () => Promise<void>;
}

/** The services that the environment names, or embedded ones of our own. */
export async function findServices(env: NodeJS.ProcessEnv): Promise<Services> {
  const { TEST_POSTGRES_URL: postgresUrl, TEST_REDIS_URL: redisUrl } = env;
  if (postgresUrl !== undefined && redisUrl !== undefined) return { postgresUrl, redisUrl, stop: () => Promise.resolve() };
  const { startPostgres } = await import('../../scripts/local/postgres.mjs');
  const { startRedis } = await import('../../scripts/local/redis.mjs');
  const dir = await mkdtemp(join(tmpdir(), 'parley-test-'));
  const [postgres, redis] = await Promise.all([
    startPostgres({ dir: join(dir, 'postgres'), fsync: false }),
    startRedis({ dir: join(dir, 'redis') }),
  ]);
  return {
    postgresUrl: postgres.url,
    redisUrl: redis.url,
    stop: async () => {
      await Promise.all([postgres.stop(), redis.stop()]);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** The same server as another role, on another database. */
export function urlAs(postgresUrl: string, database: string, role?: string): string {
  const url = new URL(postgresUrl);
  url.pathname = `/${database}`;
  if (role !== undefined) {
    url.username = role;
    url.password = rolePassword;
  }
  return url.href;
}

/** Runs statements as superuser. */
export async function asSuperuser(postgresUrl: string, database: string, statements: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: urlAs(postgresUrl, database) });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

/** URLs of one pair of databases for the migrating command and for the server. */
export function databaseUrls(postgresUrl: string, main: string, keystore: string) {
  return {
    ownerUrl: urlAs(postgresUrl, main),
    tenantUrl: urlAs(postgresUrl, main, 'test_tenant'),
    systemUrl: urlAs(postgresUrl, main, 'test_system'),
    keystoreOwnerUrl: urlAs(postgresUrl, keystore),
    keystoreUrl: urlAs(postgresUrl, keystore, 'test_keys'),
  };
}

/** Makes the migrated templates anew. */
export async function makeTemplates(postgresUrl: string): Promise<void> {
  for (const name of Object.values(templates)) {
    await asSuperuser(postgresUrl, 'postgres', [`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`, `CREATE DATABASE ${name}`]);
  }
  await migrateAll(databaseUrls(postgresUrl, templates.main, templates.keystore));
}
