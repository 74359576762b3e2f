import { Global, Module } from '@nestjs/common';
import { type DatabaseConfig, databaseConfig } from './database.config.ts';
import { openPool } from './pool.ts';
import { SYSTEM_POOL, SystemDatabase } from './system-database.ts';
import { TENANT_POOL, TenantDatabase } from './tenant-database.ts';

/** Two pools under two roles, and the only two doors to them. */
@Global()
@Module({
  providers: [
    {
      provide: TENANT_POOL,
      inject: [databaseConfig.token],
      useFactory: (config: DatabaseConfig) =>
        openPool({ ...config, url: config.url, size: config.poolSize, applicationName: 'parley-tenant' }),
    },
    {
      provide: SYSTEM_POOL,
      inject: [databaseConfig.token],
      useFactory: (config: DatabaseConfig) =>
        openPool({ ...config, url: config.systemUrl, size: config.systemPoolSize, applicationName: 'parley-system' }),
    },
    TenantDatabase,
    SystemDatabase,
  ],
  exports: [TenantDatabase, SystemDatabase],
})
export class DatabaseModule {}
