import { Global, Module } from '@nestjs/common';
import { type DatabaseConfig, databaseConfig, openPool } from '../database/index.ts';
import { type CryptoConfig, cryptoConfig } from './crypto.config.ts';
import { HASH_ROOT, loadHashRoot } from './hash-root.ts';
import { KeyChanges } from './key-changes.ts';
import { KeyRing } from './key-ring.ts';
import { KeyedHash } from './keyed-hash.ts';
import { KEYSTORE_POOL, Keystore } from './keystore.ts';
import { MasterKeys, masterKeysOf } from './master/master-keys.ts';
import { KeyCare } from './rotation/key-care.ts';
import { KeyRotation } from './rotation/key-rotation.ts';
import { Reencryption } from './rotation/reencryption.ts';

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
    { provide: MasterKeys, inject: [cryptoConfig.token], useFactory: masterKeysOf },
    { provide: HASH_ROOT, inject: [Keystore, MasterKeys], useFactory: loadHashRoot },
    KeyRing,
    KeyChanges,
    KeyRotation,
    Reencryption,
    KeyCare,
    KeyedHash,
  ],
  exports: [Keystore, MasterKeys, KeyRing, KeyChanges, KeyRotation, Reencryption, KeyCare, KeyedHash],
})
export class CryptoModule {}
