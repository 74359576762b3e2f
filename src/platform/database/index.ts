export { type DatabaseConfig, databaseConfig, type MigrationConfig, migrationConfig } from './database.config.ts';
export { DatabaseModule } from './database.module.ts';
export { migrate, type MigrationTarget } from './migrate.ts';
export { changed, inTransaction, isDatabaseUnavailable, isUnstorableText, openPool, row, rows, type Transaction } from './pool.ts';
export { SystemDatabase, type SystemReason, systemReasons } from './system-database.ts';
export { TenantDatabase } from './tenant-database.ts';
