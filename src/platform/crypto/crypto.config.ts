import { z } from 'zod';
import { type ConfigValues, defineTopic, entry, setting } from '../config/index.ts';

/** The master key and where the keys that it wraps are kept. */
export const cryptoConfig = defineTopic('crypto', 'Encryption', {
  masterKey: entry(
    'PARLEY_MASTER_KEY',
    z
      .string()
      .transform((text) => Buffer.from(text, 'base64'))
      .refine((bytes) => bytes.length === 32, 'must be 32 bytes in base64'),
    'Master key: 32 random bytes in base64 (`openssl rand -base64 32`). It wraps all other keys; lose it and the content is lost.',
    { secret: true },
  ),
  keystoreUrl: entry(
    'KEYSTORE_URL',
    z.string().regex(/^postgres(ql)?:\/\//, 'must start with postgres://'),
    'Postgres database of the wrapped keys, as its runtime role. Keep it out of the backups of the data.',
    { secret: true },
  ),
  keystorePoolSize: entry('KEYSTORE_POOL_SIZE', setting.int(1, 50).default(5), 'Connections to the keystore, per replica.'),
  keyCacheSeconds: entry(
    'KEY_CACHE_SECONDS',
    setting.int(1, 3600).default(60),
    'How long an unwrapped key stays in memory, in seconds. An erased key opens nothing within 5 s; only a replica that the keystore is out of reach of goes on this long.',
  ),
});

/** Values of the encryption topic. */
export type CryptoConfig = ConfigValues<typeof cryptoConfig>;
