import { z } from 'zod';
import { type ConfigValues, defineTopic, entry, setting } from '../config/index.ts';

const url = z.string().regex(/^postgres(ql)?:\/\//, 'must start with postgres://');

/** Where the data lives and how many connections each pool may hold. */
export const databaseConfig = defineTopic('database', 'Database', {
  url: entry(
    'DATABASE_URL',
    url,
    'Postgres (>= 15) as the login role for tenant work; it must not own tables or bypass row-level security.',
    {
      secret: true,
    },
  ),
  systemUrl: entry('DATABASE_SYSTEM_URL', url, 'The same database as the login role for the few listed tasks outside a tenant.', {
    secret: true,
  }),
  poolSize: entry('DATABASE_POOL_SIZE', setting.int(1, 500).default(20), 'Connections for tenant work, per replica.'),
  systemPoolSize: entry('DATABASE_SYSTEM_POOL_SIZE', setting.int(1, 100).default(5), 'Connections for system work, per replica.'),
  preparedStatements: entry(
    'DATABASE_PREPARED_STATEMENTS',
    setting.bool().default(true),
    'Whether statements are prepared once a connection. Off behind a pooler that cannot keep them apart (PgBouncer before 1.21).',
  ),
  statementTimeoutMs: entry(
    'DATABASE_STATEMENT_TIMEOUT_MS',
    setting.int(100, 600_000).default(5_000),
    'Longest statement, in milliseconds; half a second later a connection that does not answer is given up.',
  ),
  connectTimeoutMs: entry(
    'DATABASE_CONNECT_TIMEOUT_MS',
    setting.int(100, 60_000).default(5_000),
    'Longest wait for a connection (new, or free in the pool), in milliseconds.',
  ),
});

/** Values of the database topic. */
export type DatabaseConfig = ConfigValues<typeof databaseConfig>;

/** Settings that only the migration command reads. */
export const migrationConfig = defineTopic('migration', 'Migrations (the migrate command only)', {
  ownerUrl: entry('DATABASE_OWNER_URL', url, 'Postgres as the owner of the tables, able to create roles.', { secret: true }),
  keystoreOwnerUrl: entry('KEYSTORE_OWNER_URL', url, 'The keystore database as its owner.', { secret: true }),
});

/** Values of the migration topic. */
export type MigrationConfig = ConfigValues<typeof migrationConfig>;
