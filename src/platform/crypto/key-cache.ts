import { clock } from '../../kernel/clock.ts';
import type { ContentKey } from './envelope.ts';

/** A key that is at hand, or the knowledge that it may not be used any more. */
export type HeldKey = ContentKey | 'retired';

/** The versions of a subject's key that may be used, the current one first. */
export type KeyVersions = readonly [current: ContentKey, ...older: ContentKey[]];

interface Held {
  key: HeldKey;
  owner: string;
  until: number;
}

/** Unwrapped keys in memory: at most `maxKeys` of them, each for at most `ttlMs` milliseconds, the oldest go first. */
export class KeyCache {
  private readonly byId = new Map<string, Held>();
  private readonly bySubject = new Map<string, { versions: KeyVersions; until: number }>();
  private readonly idsOfOwner = new Map<string, Set<string>>();
  private changes = 0;

  constructor(
    private readonly maxKeys: number,
    private readonly ttlMs: number,
  ) {}

  /** How many keys are held. */
  get size(): number {
    return this.byId.size;
  }

  /**
   * To be asked before keys are looked up in the keystore, and given back with them: what was on its way while keys changed may be what
   * they were before, and is not remembered.
   */
  get asOf(): number {
    return this.changes;
  }

  /** A key by its own id. */
  key(id: string): HeldKey | undefined {
    const held = this.byId.get(id);
    if (held === undefined || held.until > clock.now()) return held?.key;
    this.drop(id);
    return undefined;
  }

  /** The versions of a subject's key. */
  versions(tenantId: string, subjectId: string): KeyVersions | undefined {
    const owner = ownerOf(tenantId, subjectId);
    const held = this.bySubject.get(owner);
    if (held === undefined || held.until > clock.now()) return held?.versions;
    this.bySubject.delete(owner);
    return undefined;
  }

  /** Holds a key. */
  rememberKey(asOf: number, tenantId: string, subjectId: string, id: string, key: HeldKey): void {
    if (asOf !== this.changes) return;
    const owner = ownerOf(tenantId, subjectId);
    this.byId.delete(id);
    this.byId.set(id, { key, owner, until: clock.now() + this.ttlMs });
    const ids = this.idsOfOwner.get(owner) ?? new Set();
    this.idsOfOwner.set(owner, ids.add(id));
    if (this.byId.size > this.maxKeys) this.drop(this.byId.keys().next().value as string);
  }

  /** Holds all versions of a subject that may be used. */
  rememberVersions(asOf: number, tenantId: string, subjectId: string, versions: KeyVersions): void {
    if (asOf !== this.changes) return;
    const owner = ownerOf(tenantId, subjectId);
    this.bySubject.delete(owner);
    this.bySubject.set(owner, { versions, until: clock.now() + this.ttlMs });
    if (this.bySubject.size > this.maxKeys) this.bySubject.delete(this.bySubject.keys().next().value as string);
  }

  /** Lets go of a subject's keys; of all of a tenant's without a subject. */
  forget(tenantId: string, subjectId: string | null): void {
    this.changes += 1;
    if (subjectId !== null) return this.forgetOwner(ownerOf(tenantId, subjectId));
    const prefix = ownerOf(tenantId, '');
    for (const owner of [...this.bySubject.keys(), ...this.idsOfOwner.keys()]) if (owner.startsWith(prefix)) this.forgetOwner(owner);
  }

  private forgetOwner(owner: string): void {
    this.bySubject.delete(owner);
    for (const id of this.idsOfOwner.get(owner) ?? []) this.byId.delete(id);
    this.idsOfOwner.delete(owner);
  }

  private drop(id: string): void {
    const owner = this.byId.get(id)?.owner;
    this.byId.delete(id);
    if (owner === undefined) return;
    const ids = this.idsOfOwner.get(owner);
    ids?.delete(id);
    if (ids?.size === 0) this.idsOfOwner.delete(owner);
  }
}

function ownerOf(tenantId: string, subjectId: string): string {
  return `${tenantId}|${subjectId}`;
}
