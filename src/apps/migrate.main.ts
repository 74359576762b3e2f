import { keystoreMigrations, mainMigrations } from '../../migrations/index.ts';
import { ConfigError, loadTopics } from '../platform/config/index.ts';
import { type CryptoConfig, cryptoConfig } from '../platform/crypto/index.ts';
import { type DatabaseConfig, databaseConfig, migrate, type MigrationConfig, migrationConfig } from '../platform/database/index.ts';

/** What the two databases need to be brought up to date. */
export interface MigrationUrls {
  ownerUrl: string;
  tenantUrl: string;
  systemUrl: string;
  keystoreOwnerUrl: string;
  keystoreUrl: string;
}

/** Brings the main database and the keystore up to date; gives the names of the applied migrations. */
export async function migrateAll(urls: MigrationUrls): Promise<string[]> {
  const applied = await migrate({
    ownerUrl: urls.ownerUrl,
    migrations: mainMigrations,
    roles: [
      { group: 'parley_tenant', loginUrl: urls.tenantUrl },
      { group: 'parley_system', loginUrl: urls.systemUrl },
    ],
  });
  const keystore = await migrate({
    ownerUrl: urls.keystoreOwnerUrl,
    migrations: keystoreMigrations,
    roles: [{ group: 'parley_keys', loginUrl: urls.keystoreUrl }],
  });
  return [...applied, ...keystore];
}

async function main(): Promise<void> {
  const topics = loadTopics([databaseConfig, migrationConfig, cryptoConfig], process.env);
  const database = topics.get(databaseConfig.token) as DatabaseConfig;
  const migration = topics.get(migrationConfig.token) as MigrationConfig;
  const crypto = topics.get(cryptoConfig.token) as CryptoConfig;
  const applied = await migrateAll({
    ownerUrl: migration.ownerUrl,
    tenantUrl: database.url,
    systemUrl: database.systemUrl,
    keystoreOwnerUrl: migration.keystoreOwnerUrl,
    keystoreUrl: crypto.keystoreUrl,
  });
  process.stdout.write(applied.length === 0 ? 'The schema is current.\n' : `Applied: ${applied.join(', ')}\n`);
}

function sentence(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  const { code, message } = (error as { driverError?: NodeJS.ErrnoException }).driverError ?? (error as NodeJS.ErrnoException);
  if (code !== undefined && /^(E[A-Z]+|08|57P)/.test(code))
    return `The database cannot be reached (${code}). Are DATABASE_OWNER_URL and KEYSTORE_OWNER_URL right?`;
  if (code === '28P01' || code === '28000')
    return 'The database refuses the owner: user or password in DATABASE_OWNER_URL or KEYSTORE_OWNER_URL is wrong.';
  if (code === '3D000') return 'The database named in DATABASE_OWNER_URL or KEYSTORE_OWNER_URL does not exist.';
  if (code === '42501') return 'The role in DATABASE_OWNER_URL or KEYSTORE_OWNER_URL may not create tables or roles there.';
  return `Migrating failed${code === undefined ? '' : ` (${code})`}: ${message}`;
}

if (import.meta.main) {
  main().then(
    () => process.exit(0),
    (error: unknown) => {
      process.stderr.write(`${sentence(error)}\n`);
      process.exit(1);
    },
  );
}
