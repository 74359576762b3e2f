import { z } from 'zod';
import { type ConfigValues, defineTopic, entry, setting } from '../config/index.ts';

const localKey = z
  .string()
  .transform((text) => Buffer.from(text, 'base64'))
  .refine((bytes) => bytes.length === 32, 'must be 32 bytes in base64');

/** The master key and where the keys that it wraps are kept. */
export const cryptoConfig = defineTopic('crypto', 'Encryption', {
  masterKey: entry(
    'PARLEY_MASTER_KEY',
    localKey.optional(),
    'Master key: 32 random bytes in base64 (`openssl rand -base64 32`). It wraps all other keys; lose it and the content is lost. A file of it must be closed to others (0400 or 0440).',
    { secret: true, privateFile: true },
  ),
  masterKmsKeyId: entry(
    'PARLEY_MASTER_KMS_KEY_ID',
    z.string().optional(),
    'Instead of PARLEY_MASTER_KEY: id, ARN or alias of a symmetric key in AWS KMS, which it never leaves. Credentials are found as by AWS tools.',
  ),
  masterKmsRegion: entry('PARLEY_MASTER_KMS_REGION', z.string().optional(), 'Region of that key; without it AWS_REGION counts.'),
  masterKmsEndpoint: entry('PARLEY_MASTER_KMS_ENDPOINT', z.url().optional(), "Where KMS is, other than the region's own address."),
  masterKeysOld: entry(
    'PARLEY_MASTER_KEYS_OLD',
    setting
      .list()
      .pipe(
        z.array(
          z.union([
            z
              .string()
              .regex(/^kms:./)
              .transform((text) => text.slice(4)),
            localKey,
          ]),
        ),
      )
      .default([]),
    'Earlier master keys, which only open what they wrapped: comma-separated, each base64 or `kms:` and the id of a key. `parley keys status` says when one may go.',
    { secret: true, privateFile: true },
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
