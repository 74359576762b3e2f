import { createHmac, randomBytes } from 'node:crypto';
import { changed, row } from '../database/index.ts';
import type { Place } from './envelope.ts';
import type { Keystore } from './keystore.ts';
import { LocalMasterKey } from './master/local-master-key.ts';
import type { MasterKeys } from './master/master-keys.ts';

/** Injection token of the secret from which the keys of all keyed hashes are derived. */
export const HASH_ROOT = 'crypto:hash-root';

const noTenant = '00000000-0000-0000-0000-000000000000';

/** Name of the secret in the keystore. */
export const hashRootName = 'keyed-hash';

/** Where a secret under the master key is stored, as the additional data of its encryption. */
export function secretPlace(name: string): Place {
  return { tenantId: noTenant, table: 'master_secrets', column: 'wrapped', rowId: name };
}

/**
 * The secret of keyed hashes, 32 bytes: stored under the master key, and made at the first start. It does not change with the master
 * key: what was found by its hash before is found after. Throws when the keystore's schema is not current.
 */
export async function loadHashRoot(keystore: Keystore, masters: MasterKeys): Promise<Buffer> {
  const stored = (await read(keystore)) ?? (await make(keystore, masters));
  return Buffer.alloc(32, await masters.unwrap(secretPlace(hashRootName), stored));
}

/** The first half of HKDF-SHA256 without salt (RFC 5869, section 2.2): what hashes were derived through before the secret was stored. */
export function hashRootOf(masterKey: Buffer): Buffer {
  return createHmac('sha256', Buffer.alloc(32)).update(masterKey).digest();
}

async function read(keystore: Keystore): Promise<Buffer | undefined> {
  try {
    const found = await keystore.forAll((tx) =>
      row<{ wrapped: Buffer }>(tx, 'SELECT wrapped FROM master_secrets WHERE name = $1', [hashRootName]),
    );
    return found?.wrapped;
  } catch (error) {
    const { code } = (error as { driverError?: { code?: string } }).driverError ?? {};
    // undefined_table
    if (code === '42P01') throw new Error("The keystore's schema is not current. Run the migrate command.", { cause: error });
    throw error;
  }
}

/** When another replica is faster, its secret stays. */
async function make(keystore: Keystore, masters: MasterKeys): Promise<Buffer> {
  const first = await firstMaster(keystore, masters);
  const root = first instanceof LocalMasterKey ? hashRootOf(first.bytes) : randomBytes(32);
  const wrapped = await masters.wrap(secretPlace(hashRootName), root);
  await keystore.forAll((tx) =>
    changed(tx, 'INSERT INTO master_secrets (name, wrapped) VALUES ($1, $2) ON CONFLICT DO NOTHING', [hashRootName, wrapped]),
  );
  return (await read(keystore)) ?? wrapped;
}

/** The master key that made the hashes so far: the one that wrapped the signing keys, which there are wherever somebody signed in. */
async function firstMaster(keystore: Keystore, masters: MasterKeys) {
  const [oldest] = (await keystore.signingKeys()).toReversed();
  if (oldest === undefined) return masters.current;
  const place: Place = { tenantId: noTenant, table: 'signing_keys', column: 'wrapped_private_key', rowId: oldest.kid };
  return masters.versionOf(place, oldest.wrappedPrivateKey);
}
