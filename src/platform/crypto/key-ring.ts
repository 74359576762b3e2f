import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { clock } from '../../kernel/clock.ts';
import { newUuid } from '../../kernel/ids.ts';
import { type CryptoConfig, cryptoConfig } from './crypto.config.ts';
import { CannotDecrypt, type ContentKey, keyIdOf, open, type Place, seal } from './envelope.ts';
import { type KeyKind, Keystore, type WrappedKey } from './keystore.ts';

/** Length of a key in bytes. */
const keyLength = 32;
/** Keys kept unwrapped in memory at most; the oldest go first. */
const maxCachedKeys = 20_000;

interface CachedKey {
  key: ContentKey;
  until: number;
}

/**
 * Unwraps keys and keeps them in memory for a short time. The master key wraps a tenant's key, which wraps the keys of
 * the tenant's visitors.
 */
@Injectable()
export class KeyRing {
  private readonly byId = new Map<string, CachedKey>();
  private readonly bySubject = new Map<string, CachedKey>();

  constructor(
    private readonly keystore: Keystore,
    @Inject(cryptoConfig.token) private readonly config: CryptoConfig,
  ) {}

  /** The tenant's own key; made at first use. */
  tenantKey(tenantId: string): Promise<ContentKey> {
    return this.keyOf(tenantId, 'tenant', tenantId);
  }

  /** The key of one visitor (end user); made at first use. Deleting it erases the visitor's content. */
  visitorKey(tenantId: string, visitorId: string): Promise<ContentKey> {
    return this.keyOf(tenantId, 'visitor', visitorId);
  }

  /** The key of a visitor whom nobody knows yet. */
  newVisitorKey(tenantId: string, visitorId: string): Promise<ContentKey> {
    return this.make(tenantId, 'visitor', visitorId);
  }

  /** Decrypts stored values, fetching the keys that are not at hand in one round trip. Throws CannotDecrypt. */
  async openAll(values: { place: Place; sealed: Buffer }[]): Promise<Buffer[]> {
    const missing = new Map<string, Set<string>>();
    for (const { place, sealed } of values) {
      const id = keyIdOf(sealed);
      if (this.cached(this.byId, id) === undefined) {
        const ids = missing.get(place.tenantId) ?? new Set();
        missing.set(place.tenantId, ids.add(id));
      }
    }
    for (const [tenantId, ids] of missing) await this.fetch(tenantId, [...ids]);
    return values.map(({ place, sealed }) => {
      const key = this.cached(this.byId, keyIdOf(sealed));
      if (key === undefined) throw new CannotDecrypt();
      return open(key, place, sealed);
    });
  }

  /** Decrypts one stored value. Throws CannotDecrypt. */
  async open(place: Place, sealed: Buffer): Promise<Buffer> {
    const [opened] = await this.openAll([{ place, sealed }]);
    return opened as Buffer;
  }

  /** Deletes a visitor's key in the keystore and in this replica's memory. */
  async eraseVisitorKey(tenantId: string, visitorId: string): Promise<void> {
    await this.keystore.erase(tenantId, 'visitor', visitorId);
    const cached = this.bySubject.get(subjectKey(tenantId, 'visitor', visitorId));
    this.bySubject.delete(subjectKey(tenantId, 'visitor', visitorId));
    if (cached !== undefined) this.byId.delete(cached.key.id);
  }

  private async keyOf(tenantId: string, kind: KeyKind, subjectId: string): Promise<ContentKey> {
    const known = this.cached(this.bySubject, subjectKey(tenantId, kind, subjectId));
    if (known !== undefined) return known;
    const stored = await this.keystore.findBySubject(tenantId, kind, subjectId);
    return stored === undefined ? this.make(tenantId, kind, subjectId) : this.unwrap(tenantId, stored);
  }

  private async make(tenantId: string, kind: KeyKind, subjectId: string): Promise<ContentKey> {
    const wrapping = await this.wrappingKey(tenantId, kind);
    const id = newUuid();
    const wrapped = seal(wrapping, wrappedPlace(tenantId, kind, id), randomBytes(keyLength));
    return this.unwrap(tenantId, await this.keystore.add(tenantId, { id, kind, subjectId, wrapped }));
  }

  private async fetch(tenantId: string, ids: string[]): Promise<void> {
    const stored = await this.keystore.findByIds(tenantId, ids);
    // The tenant's key first: it opens the others.
    stored.sort((a, b) => Number(b.kind === 'tenant') - Number(a.kind === 'tenant'));
    for (const key of stored) await this.unwrap(tenantId, key);
  }

  private async unwrap(tenantId: string, stored: WrappedKey): Promise<ContentKey> {
    const wrapping = await this.wrappingKey(tenantId, stored.kind);
    // A copy of its own: what `open` gives is a part of a pooled block, all of which would stay in memory with the key.
    const bytes = Buffer.alloc(keyLength, open(wrapping, wrappedPlace(tenantId, stored.kind, stored.id), stored.wrapped));
    const key: ContentKey = { id: stored.id, tenantId, bytes };
    const entry: CachedKey = { key, until: clock.now() + this.config.keyCacheSeconds * 1000 };
    remember(this.byId, key.id, entry);
    remember(this.bySubject, subjectKey(tenantId, stored.kind, stored.subjectId), entry);
    return key;
  }

  private wrappingKey(tenantId: string, kind: KeyKind): Promise<ContentKey> {
    if (kind === 'visitor') return this.tenantKey(tenantId);
    return Promise.resolve({ id: masterKeyId, tenantId, bytes: this.config.masterKey });
  }

  private cached(map: Map<string, CachedKey>, id: string): ContentKey | undefined {
    const entry = map.get(id);
    if (entry === undefined) return undefined;
    if (entry.until > clock.now()) return entry.key;
    map.delete(id);
    return undefined;
  }
}

/** Stands for the master key in the header of what it wraps. */
export const masterKeyId = '00000000-0000-0000-0000-000000000000';

/** Where a wrapped key is stored, as the additional data of its encryption. */
export function wrappedPlace(tenantId: string, kind: KeyKind, keyId: string): Place {
  return { tenantId, table: 'wrapped_keys', column: kind, rowId: keyId };
}

function subjectKey(tenantId: string, kind: KeyKind, subjectId: string): string {
  return `${tenantId}|${kind}|${subjectId}`;
}

function remember(map: Map<string, CachedKey>, id: string, entry: CachedKey): void {
  map.delete(id);
  map.set(id, entry);
  if (map.size > maxCachedKeys) map.delete(map.keys().next().value as string);
}
