import { ConfigError } from '../../config/index.ts';
import type { CryptoConfig } from '../crypto.config.ts';
import { CannotDecrypt, type Place, wrappingIdOf } from '../envelope.ts';
import { LocalMasterKey, unversionedMaster } from './local-master-key.ts';
import type { MasterKey } from './master-key.ts';

/** A value that was wrapped by a master key which the settings no longer name. */
export class MasterKeyUnknown extends CannotDecrypt {
  constructor() {
    super('The master key that wrapped this value is not among the settings.');
    this.name = 'MasterKeyUnknown';
  }
}

/** All versions of the master key that the settings name: the current one wraps, the others only unwrap. */
export class MasterKeys {
  private readonly all: MasterKey[];

  constructor(
    readonly current: MasterKey,
    readonly old: readonly MasterKey[] = [],
  ) {
    this.all = [current, ...old];
  }

  /** Wraps with the current version. */
  wrap(place: Place, clear: Buffer): Promise<Buffer> {
    return this.current.wrap(place, clear);
  }

  /** Unwraps with the version that wrapped it. Throws CannotDecrypt, MasterKeyUnknown, or 503 where a version cannot be reached. */
  async unwrap(place: Place, wrapped: Buffer): Promise<Buffer> {
    return (await this.unwrapped(place, wrapped)).clear;
  }

  /** The version that opens a value; throws as `unwrap` does. */
  async versionOf(place: Place, wrapped: Buffer): Promise<MasterKey> {
    return (await this.unwrapped(place, wrapped)).by;
  }

  /** True for what the current version wrapped, and its header says so: it needs no new wrapping. */
  isCurrent(wrapped: Buffer): boolean {
    return wrappingIdOf(wrapped) === this.current.id;
  }

  /** The name of the version that a header names, for operators. */
  nameOf(id: string): string {
    if (id === unversionedMaster) return 'local, before versions';
    return this.all.find((key) => key.id === id)?.name ?? `unknown ${id.slice(0, 8)}`;
  }

  private async unwrapped(place: Place, wrapped: Buffer): Promise<{ clear: Buffer; by: MasterKey }> {
    const id = wrappingIdOf(wrapped);
    const key = this.all.find((known) => known.id === id);
    if (key !== undefined) return { clear: await key.unwrap(place, wrapped), by: key };
    if (id !== unversionedMaster) throw new MasterKeyUnknown();
    // Which one that was cannot be told but by trying.
    for (const local of this.all.filter((known) => known instanceof LocalMasterKey)) {
      try {
        return { clear: await local.unwrap(place, wrapped), by: local };
      } catch (error) {
        if (!(error instanceof CannotDecrypt)) throw error;
      }
    }
    throw new CannotDecrypt();
  }
}

/** The master keys that the settings name. Throws ConfigError when there is none, or more than one current. */
export async function masterKeysOf(config: CryptoConfig): Promise<MasterKeys> {
  const { masterKey, masterKmsKeyId, masterKeysOld } = config;
  if (masterKey !== undefined && masterKmsKeyId !== undefined)
    throw new ConfigError(['PARLEY_MASTER_KEY and PARLEY_MASTER_KMS_KEY_ID are both set; name the earlier one in PARLEY_MASTER_KEYS_OLD.']);
  const current = masterKey ?? masterKmsKeyId;
  if (current === undefined) throw new ConfigError(['PARLEY_MASTER_KEY is missing, and PARLEY_MASTER_KMS_KEY_ID as well; set one.']);
  const kmsKeys = [current, ...masterKeysOld].filter((key) => typeof key === 'string');
  // The client is large: who has no key there does not load it.
  const kms = kmsKeys.length === 0 ? undefined : await import('./aws-kms-master-key.ts');
  const made = (key: Buffer | string): MasterKey => {
    if (typeof key !== 'string') return new LocalMasterKey(key);
    if (kms === undefined) throw new Error('unreachable');
    return new kms.AwsKmsMasterKey(key, { region: config.masterKmsRegion, endpoint: config.masterKmsEndpoint });
  };
  const first = made(current);
  return new MasterKeys(
    first,
    masterKeysOld.map(made).filter(({ id }) => id !== first.id),
  );
}
