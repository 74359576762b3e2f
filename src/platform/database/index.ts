export { type DatabaseConfig, databaseConfig, type MigrationConfig, migrationConfig } from './database.config.ts';
export { DatabaseModule } from './database.module.ts';
export { migrate, type MigrationTarget } from './migrate.ts';
export {
  asTenant,
  brokenReferenceOf,
  closePool,
  inOneTrip,
  inTransaction,
  isDatabaseUnavailable,
  isDeadlock,
  isUnstorableText,
  openPool,
  ping,
} from './pool.ts';
export { changed, row, rows, type Statement, type Transaction } from './transaction.ts';
export { SystemDatabase, type SystemReason, systemReasons } from './system-database.ts';
export { TenantDatabase, type WriteTrouble } from './tenant-database.ts';
