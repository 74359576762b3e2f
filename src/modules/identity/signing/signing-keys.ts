import { Injectable, Logger } from '@nestjs/common';
import { calculateJwkThumbprint, type CryptoKey, exportJWK, exportSPKI, generateKeyPair, importJWK, type JWK } from 'jose';
import { clock } from '../../../kernel/clock.ts';
import { Keystore, MasterKeys, type Place } from '../../../platform/crypto/index.ts';
import { safeError } from '../../../platform/telemetry/index.ts';

/** The one algorithm of our tokens. */
export const signingAlgorithm = 'ES256';
/** An unknown key id makes us look again, but not more often than this, in milliseconds: anybody can send unknown ones. */
const reloadAtMostEveryMs = 3_000;
/** Keys are read again after this long, in milliseconds, so that new ones sign and retired ones stop counting. */
const maxAgeMs = 60_000;

/** The public half of a key in the forms that verifiers want. */
export interface PublicKey {
  jwk: JWK;
  pem: string;
  key: CryptoKey;
}

interface LoadedKeys {
  signing: { kid: string; privateKey: CryptoKey };
  publicKeys: Map<string, PublicKey>;
  loadedAt: number;
}

/**
 * Keys that sign access and visitor tokens: in the keystore, the private half encrypted under the master key, the first one
 * made at first need. The key id is the key's RFC 7638 thumbprint.
 */
@Injectable()
export class SigningKeys {
  private readonly logger = new Logger(SigningKeys.name);
  private loaded: LoadedKeys | undefined;
  private loading: Promise<LoadedKeys> | undefined;

  constructor(
    private readonly keystore: Keystore,
    private readonly masters: MasterKeys,
  ) {}

  /** The key that signs now. Throws when there is none yet and the keystore cannot be reached. */
  async current(): Promise<{ kid: string; privateKey: CryptoKey }> {
    return (await this.keys()).signing;
  }

  /** The public key of that id, or undefined when no such key counts. */
  async publicKey(kid: string): Promise<PublicKey | undefined> {
    const keys = await this.keys();
    const found = keys.publicKeys.get(kid);
    if (found !== undefined || clock.now() - keys.loadedAt < reloadAtMostEveryMs) return found;
    return (await this.load()).publicKeys.get(kid);
  }

  /** Every public key that counts, as a JSON Web Key Set (RFC 7517). */
  async jwks(): Promise<{ keys: JWK[] }> {
    return { keys: [...(await this.keys()).publicKeys.values()].map(({ jwk }) => jwk) };
  }

  private async keys(): Promise<LoadedKeys> {
    const { loaded } = this;
    if (loaded === undefined) return this.load();
    if (clock.now() - loaded.loadedAt < maxAgeMs) return loaded;
    return this.load().catch((error: unknown) => {
      // Known keys go on serving while the keystore is away.
      this.logger.warn({ error: safeError(error) }, 'signing keys could not be read again');
      return loaded;
    });
  }

  private load(): Promise<LoadedKeys> {
    this.loading ??= this.read().finally(() => {
      this.loading = undefined;
    });
    return this.loading;
  }

  private async read(): Promise<LoadedKeys> {
    let stored = await this.keystore.signingKeys();
    if (stored.length === 0) {
      await this.addFirst();
      stored = await this.keystore.signingKeys();
    }
    const [newest] = stored;
    if (newest === undefined) throw new Error('the keystore holds no signing key');
    const privateJwk = JSON.parse((await this.masters.unwrap(placeOf(newest.kid), newest.wrappedPrivateKey)).toString()) as JWK;
    const publicKeys = new Map<string, PublicKey>();
    for (const { kid, publicJwk } of stored) publicKeys.set(kid, await publicKeyOf(publicJwk));
    this.loaded = {
      signing: { kid: newest.kid, privateKey: (await importJWK(privateJwk, signingAlgorithm)) as CryptoKey },
      publicKeys,
      loadedAt: clock.now(),
    };
    return this.loaded;
  }

  /** When another replica is faster, its key stays and this one is forgotten. */
  private async addFirst(): Promise<void> {
    const pair = await generateKeyPair(signingAlgorithm, { extractable: true });
    const publicJwk = await exportJWK(pair.publicKey);
    const kid = await calculateJwkThumbprint(publicJwk);
    const privateJwk = JSON.stringify(await exportJWK(pair.privateKey));
    await this.keystore.addFirstSigningKey({
      kid,
      wrappedPrivateKey: await this.masters.wrap(placeOf(kid), Buffer.from(privateJwk)),
      publicJwk: { ...publicJwk, kid, use: 'sig', alg: signingAlgorithm },
    });
  }
}

/** Stands for "no tenant" where signing keys are encrypted. */
const noTenant = '00000000-0000-0000-0000-000000000000';

function placeOf(kid: string): Place {
  return { tenantId: noTenant, table: 'signing_keys', column: 'wrapped_private_key', rowId: kid };
}

async function publicKeyOf(jwk: JWK): Promise<PublicKey> {
  const key = (await importJWK(jwk, signingAlgorithm, { extractable: true })) as CryptoKey;
  return { jwk, key, pem: await exportSPKI(key) };
}
