import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { AppError } from '../../kernel/app-error.ts';
import { newUuid } from '../../kernel/ids.ts';
import { ReplicaBus } from '../replicas/index.ts';
import { type CryptoConfig, cryptoConfig } from './crypto.config.ts';
import { CannotDecrypt, type ContentKey, keyIdOf, KeyRetired, open, type Place, seal } from './envelope.ts';
import { type HeldKey, KeyCache, type KeyVersions } from './key-cache.ts';
import { type KeyKind, Keystore, type WrappedKey } from './keystore.ts';
import { MasterKeys } from './master/master-keys.ts';

/** Length of a key in bytes. */
export const keyLength = 32;
/** Keys kept unwrapped in memory at most; the oldest go first. */
const maxCachedKeys = 20_000;

/** Who is erased. Ids are UUIDs; a tenant's own id is its `tenantId`. */
export interface ErasedSubject {
  tenantId: string;
  kind: 'visitor' | 'user' | 'tenant';
  id: string;
}

/** A key was asked for of somebody who was erased: 410 `erased`, whatever was to be done with it. */
export class SubjectErased extends AppError {
  constructor() {
    super('erased', 410, 'The data of this person has been erased. They can only begin anew.', { retryable: false });
  }
}

/**
 * Unwraps keys and keeps them in memory for a short time. The master key wraps a tenant's key, which wraps the keys of
 * the tenant's visitors. Keys have versions: the current one seals, and older ones open until they are retired.
 */
@Injectable()
export class KeyRing {
  private readonly cache: KeyCache;

  constructor(
    private readonly keystore: Keystore,
    private readonly masters: MasterKeys,
    @Inject(cryptoConfig.token) config: CryptoConfig,
    private readonly bus: ReplicaBus,
  ) {
    this.cache = new KeyCache(maxCachedKeys, config.keyCacheSeconds * 1000);
  }

  /** How many keys are in memory. */
  get held(): number {
    return this.cache.size;
  }

  /** The tenant's own key; made at first use. */
  async tenantKey(tenantId: string): Promise<ContentKey> {
    return (await this.versions(tenantId, 'tenant', tenantId))[0];
  }

  /** The key of one visitor (end user); made at first use. Deleting it erases the visitor's content. */
  async visitorKey(tenantId: string, visitorId: string): Promise<ContentKey> {
    return (await this.versions(tenantId, 'visitor', visitorId))[0];
  }

  /** All versions of a visitor's key that may be used, the current one first; `renewed` asks the keystore even when they are at hand. */
  visitorKeys(tenantId: string, visitorId: string, renewed = false): Promise<KeyVersions> {
    if (renewed) this.cache.forget(tenantId, visitorId);
    return this.versions(tenantId, 'visitor', visitorId);
  }

  /** The key of a visitor whom nobody knows yet. */
  async newVisitorKey(tenantId: string, visitorId: string): Promise<ContentKey> {
    return (await this.make(tenantId, 'visitor', visitorId))[0];
  }

  /**
   * Decrypts stored values, fetching the keys that are not at hand in one round trip. Throws CannotDecrypt; KeyRetired, which is one,
   * where the key is there and may not be used any more.
   */
  async openAll(values: { place: Place; sealed: Buffer }[]): Promise<Buffer[]> {
    const keys = await this.keysOf(values);
    return values.map(({ place, sealed }) => {
      const key = keys.get(keyIdOf(sealed));
      if (key === undefined) throw new CannotDecrypt();
      if (key === 'retired') throw new KeyRetired();
      return open(key, place, sealed);
    });
  }

  /** The same, with undefined for what only a retired version opens: the rest of a list can be shown without it. */
  async openReadable(values: { place: Place; sealed: Buffer }[]): Promise<(Buffer | undefined)[]> {
    const keys = await this.keysOf(values);
    return values.map(({ place, sealed }) => {
      const key = keys.get(keyIdOf(sealed));
      if (key === undefined) throw new CannotDecrypt();
      return key === 'retired' ? undefined : open(key, place, sealed);
    });
  }

  /** Decrypts one stored value. Throws CannotDecrypt. */
  async open(place: Place, sealed: Buffer): Promise<Buffer> {
    const [opened] = await this.openAll([{ place, sealed }]);
    return opened as Buffer;
  }

  /** Deletes a visitor's key, all its versions, in the keystore; other replicas let go of it at once, or with their next look at the keystore. */
  async eraseVisitorKey(tenantId: string, visitorId: string): Promise<void> {
    await this.keystore.erase(tenantId, 'visitor', visitorId);
    this.changed(tenantId, visitorId);
  }

  /**
   * Erases a person, or a tenant with all that are in it: nothing sealed under their keys can be read any more, anywhere, and they never get
   * a key again. Other replicas let go of them at once, or with their next look at the keystore.
   */
  async erase({ tenantId, kind, id }: ErasedSubject): Promise<void> {
    await this.keystore.entomb({ tenantId, kind, subjectId: id });
    this.changed(tenantId, kind === 'tenant' ? null : id, true);
  }

  /** Lets go of keys of a subject, or without one of a whole tenant, that changed in the keystore. */
  forget(tenantId: string, subjectId: string | null): void {
    this.cache.forget(tenantId, subjectId);
  }

  /** Lets go of keys that this replica has changed in the keystore, and has the others do so. */
  changed(tenantId: string, subjectId: string | null, erased = false): void {
    this.forget(tenantId, subjectId);
    this.bus.hint({ kind: 'keys-changed', tenantId, subjectId, erased });
  }

  /** Keys as the keystore has them, by their ids, for those who care for them; what does not open is left out, and nothing is remembered. */
  async unwrapStored(tenantId: string, stored: WrappedKey[]): Promise<Map<string, HeldKey>> {
    const keys = new Map<string, HeldKey>();
    if (stored.length === 0) return keys;
    const tenants = await this.keystore.findByIds(tenantId, []);
    for (const key of [...tenants, ...stored]) {
      try {
        if (!keys.has(key.id)) keys.set(key.id, key.state === 'retired' ? 'retired' : await this.unwrap(-1, tenantId, key, keys));
      } catch (error) {
        if (!(error instanceof CannotDecrypt)) throw error;
      }
    }
    return keys;
  }

  private async versions(tenantId: string, kind: KeyKind, subjectId: string): Promise<KeyVersions> {
    const known = this.cache.versions(tenantId, subjectId);
    if (known !== undefined) return known;
    const { asOf } = this.cache;
    const stored = await this.keystore.findBySubject(tenantId, kind, subjectId);
    return stored.length === 0 ? this.make(tenantId, kind, subjectId) : this.unwrapVersions(asOf, tenantId, subjectId, stored);
  }

  private async make(tenantId: string, kind: KeyKind, subjectId: string, again = true): Promise<KeyVersions> {
    const { asOf } = this.cache;
    const id = newUuid();
    const bytes = randomBytes(keyLength);
    const place = wrappedPlace(tenantId, kind, id);
    const wrapping = kind === 'visitor' ? await this.tenantKey(tenantId) : undefined;
    const wrapped = wrapping === undefined ? await this.masters.wrap(place, bytes) : seal(wrapping, place, bytes);
    const stored = await this.keystore.add(tenantId, { id, kind, subjectId, wrapped }, wrapping?.id);
    if (stored.length > 0) return this.unwrapVersions(asOf, tenantId, subjectId, stored);
    if (await this.keystore.isEntombed(tenantId, subjectId)) throw new SubjectErased();
    // The tenant's key was erased or retired, and word of it has not come here.
    this.forget(tenantId, tenantId);
    if (!again) throw new Error('the keystore lost a key while it was added');
    return this.make(tenantId, kind, subjectId, false);
  }

  private async unwrapVersions(asOf: number, tenantId: string, subjectId: string, stored: WrappedKey[]): Promise<KeyVersions> {
    const held = await this.unwrapAll(asOf, tenantId, stored);
    const [current, ...older] = stored.map(({ id }) => held.get(id)).filter((key) => typeof key === 'object');
    if (current === undefined) throw new KeyRetired();
    const versions: KeyVersions = [current, ...older];
    this.cache.rememberVersions(asOf, tenantId, subjectId, versions);
    return versions;
  }

  /** The keys that values were sealed with, by their ids; what is nowhere is left out. */
  private async keysOf(values: { place: Place; sealed: Buffer }[]): Promise<Map<string, HeldKey>> {
    const keys = new Map<string, HeldKey>();
    const missing = new Map<string, Set<string>>();
    for (const { place, sealed } of values) {
      const id = keyIdOf(sealed);
      const known = this.cache.key(id);
      if (known !== undefined) keys.set(id, known);
      else missing.set(place.tenantId, (missing.get(place.tenantId) ?? new Set()).add(id));
    }
    const { asOf } = this.cache;
    for (const [tenantId, ids] of missing) {
      for (const [id, key] of await this.unwrapAll(asOf, tenantId, await this.keystore.findByIds(tenantId, [...ids]))) keys.set(id, key);
    }
    return keys;
  }

  /** Keys by their ids. Versions of the tenant's own that are needed and not among `stored` are fetched. */
  private async unwrapAll(asOf: number, tenantId: string, stored: WrappedKey[]): Promise<Map<string, HeldKey>> {
    const keys = new Map<string, HeldKey>();
    // The tenant's first: they open the others.
    for (const key of stored.toSorted((a, b) => Number(b.kind === 'tenant') - Number(a.kind === 'tenant'))) {
      const known = key.state === 'retired' ? 'retired' : this.cache.key(key.id);
      const mine = typeof known === 'object' && known.tenantId === tenantId;
      const held = mine || known === 'retired' ? known : await this.unwrap(asOf, tenantId, key, keys);
      keys.set(key.id, held);
      this.cache.rememberKey(asOf, tenantId, key.subjectId, key.id, held);
    }
    return keys;
  }

  private async unwrap(asOf: number, tenantId: string, stored: WrappedKey, keys: Map<string, HeldKey>): Promise<HeldKey> {
    const place = wrappedPlace(tenantId, stored.kind, stored.id);
    const wrapping = stored.kind === 'tenant' ? undefined : await this.wrappingKey(asOf, tenantId, keyIdOf(stored.wrapped), keys);
    // What only a retired key of the tenant could unwrap is as closed as that.
    if (wrapping === 'retired') return 'retired';
    const clear = wrapping === undefined ? await this.masters.unwrap(place, stored.wrapped) : open(wrapping, place, stored.wrapped);
    // A copy of its own: what `open` gives is a part of a pooled block, all of which would stay in memory with the key.
    return { id: stored.id, tenantId, bytes: Buffer.alloc(keyLength, clear) };
  }

  private async wrappingKey(asOf: number, tenantId: string, id: string, keys: Map<string, HeldKey>): Promise<HeldKey> {
    const known = keys.get(id) ?? this.cache.key(id);
    if (known !== undefined) return known;
    const fetched = await this.unwrapAll(asOf, tenantId, await this.keystore.findByIds(tenantId, []));
    const found = fetched.get(id);
    if (found === undefined) throw new CannotDecrypt();
    return found;
  }
}

/** Where a wrapped key is stored, as the additional data of its encryption. */
export function wrappedPlace(tenantId: string, kind: KeyKind, keyId: string): Place {
  return { tenantId, table: 'wrapped_keys', column: kind, rowId: keyId };
}
