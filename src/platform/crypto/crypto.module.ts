import { Global, Module } from '@nestjs/common';
import { type DatabaseConfig, databaseConfig, openPool } from '../database/index.ts';
import { type CryptoConfig, cryptoConfig } from './crypto.config.ts';
import { KeyChanges } from './key-changes.ts';
import { KeyRing } from './key-ring.ts';
import { KeyedHash } from './keyed-hash.ts';
import { KEYSTORE_POOL, Keystore } from './keystore.ts';

/** Encryption of content, and keyed hashes to find it by. */
@Global()
@Module({
  providers: [
    {
      provide: KEYSTORE_POOL,
      inject: [cryptoConfig.token, databaseConfig.token],
      useFactory: (crypto: CryptoConfig, database: DatabaseConfig) =>
        openPool({ ...database, url: crypto.keystoreUrl, size: crypto.keystorePoolSize, applicationName: 'parley-keystore' }),
    },
    Keystore,
    KeyRing,
    KeyChanges,
    KeyedHash,
  ],
  exports: [Keystore, KeyRing, KeyedHash],
})
export class CryptoModule {}
