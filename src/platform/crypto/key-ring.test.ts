import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { replaceClock } from '../../kernel/clock.ts';
import { newUuid } from '../../kernel/ids.ts';
import type { ReplicaBus } from '../replicas/index.ts';
import type { CryptoConfig } from './crypto.config.ts';
import { CannotDecrypt, KeyRetired, type Place, seal } from './envelope.ts';
import { KeyRing, SubjectErased } from './key-ring.ts';
import type { KeyKind, Keystore, Tombstone, WrappedKey } from './keystore.ts';
import { LocalMasterKey } from './master/local-master-key.ts';
import { MasterKeys } from './master/master-keys.ts';

type StoredKey = WrappedKey & { tenantId: string };

/** A keystore in memory that counts its round trips. */
class FakeKeystore {
  /** The newest version of a subject comes first. */
  readonly stored: StoredKey[] = [];
  trips = 0;
  private readonly tombs = new Set<string>();
  /** Called before an answer is on its way. */
  onAnswer: () => void = () => undefined;

  findBySubject(tenantId: string, kind: KeyKind, subjectId: string): Promise<WrappedKey[]> {
    return this.answer((key) => key.tenantId === tenantId && key.kind === kind && key.subjectId === subjectId);
  }
  findByIds(tenantId: string, ids: string[]): Promise<WrappedKey[]> {
    return this.answer((key) => key.tenantId === tenantId && (ids.includes(key.id) || key.kind === 'tenant'));
  }
  async add(tenantId: string, key: Omit<WrappedKey, 'state'>, wrappedBy: string | undefined): Promise<WrappedKey[]> {
    const known = this.stored.filter(
      (other) => other.tenantId === tenantId && other.kind === key.kind && other.subjectId === key.subjectId,
    );
    if (known.length > 0) return known;
    if (this.hasTomb(tenantId, key.subjectId)) return [];
    if (wrappedBy !== undefined && !this.stored.some(({ id, state }) => id === wrappedBy && state !== 'retired')) return [];
    const added: StoredKey = { ...key, state: 'current', tenantId };
    this.stored.push(added);
    return [added];
  }
  erase(tenantId: string, kind: KeyKind, subjectId: string): Promise<boolean> {
    return Promise.resolve(this.drop((key) => key.tenantId === tenantId && key.kind === kind && key.subjectId === subjectId) > 0);
  }
  async entomb({ tenantId, kind, subjectId }: Omit<Tombstone, 'erasedAt'>): Promise<void> {
    this.tombs.add(`${tenantId}|${subjectId}`);
    this.drop((key) => key.tenantId === tenantId && (kind === 'tenant' || key.subjectId === subjectId));
  }
  async isEntombed(tenantId: string, subjectId: string): Promise<boolean> {
    return this.hasTomb(tenantId, subjectId);
  }
  private hasTomb(tenantId: string, subjectId: string): boolean {
    return this.tombs.has(`${tenantId}|${subjectId}`) || this.tombs.has(`${tenantId}|${tenantId}`);
  }

  private answer(which: (key: StoredKey) => boolean): Promise<WrappedKey[]> {
    this.trips += 1;
    const found = this.stored.filter(which).map((key) => ({ ...key }));
    this.onAnswer();
    return Promise.resolve(found);
  }
  private drop(which: (key: StoredKey) => boolean): number {
    const kept = this.stored.filter((key) => !which(key));
    return this.stored.splice(0, this.stored.length, ...kept).length - kept.length;
  }
}

const cacheSeconds = 60;
const masterKey = randomBytes(32);
const [tenantId, visitorId] = [newUuid(), newUuid()];
const place: Place = { tenantId, table: 'messages', column: 'content', rowId: newUuid() };

let keystore: FakeKeystore;
let now: number;
let restore: () => void;

/** No hint reaches anybody. */
const deaf = { hint: () => undefined } as unknown as ReplicaBus;
const replica = (master = masterKey) =>
  new KeyRing(
    keystore as unknown as Keystore,
    new MasterKeys(new LocalMasterKey(master)),
    { keyCacheSeconds: cacheSeconds } as CryptoConfig,
    deaf,
  );

beforeEach(() => {
  keystore = new FakeKeystore();
  now = 1_700_000_000_000;
  restore = replaceClock({ now: () => now });
});
afterEach(() => restore());

test('a key is made once and opened by every replica with the master key', async () => {
  const [one, other] = [replica(), replica()];
  const key = await one.visitorKey(tenantId, visitorId);
  expect((await other.visitorKey(tenantId, visitorId)).bytes).toEqual(key.bytes);
  expect((await other.open(place, seal(key, place, 'secret'))).toString()).toBe('secret');
  expect(keystore.stored.map(({ kind }) => kind).sort()).toEqual(['tenant', 'visitor']);
  for (const { wrapped } of keystore.stored) expect(wrapped.includes(key.bytes)).toBe(false);
});

test('replicas that make a key at the same moment end with the same one', async () => {
  const keys = await Promise.all(Array.from({ length: 8 }, () => replica().visitorKey(tenantId, visitorId)));
  expect(new Set(keys.map(({ id, bytes }) => id + bytes.toString('hex'))).size).toBe(1);
});

test('many values of one tenant cost one round trip, and none while the keys are remembered', async () => {
  const maker = replica();
  const values = await Promise.all(
    Array.from({ length: 5 }, async () => ({ place, sealed: seal(await maker.visitorKey(tenantId, newUuid()), place, 'secret') })),
  );
  const reader = replica();
  keystore.trips = 0;
  expect((await reader.openAll(values)).map(String)).toEqual(Array.from({ length: 5 }, () => 'secret'));
  expect(keystore.trips).toBe(1);
  await reader.openAll(values);
  expect(keystore.trips).toBe(1);
});

test('P7: an erased key opens nothing: here at once, elsewhere once it is no longer remembered', async () => {
  const [here, elsewhere] = [replica(), replica()];
  const sealed = seal(await here.visitorKey(tenantId, visitorId), place, 'secret');
  expect((await elsewhere.open(place, sealed)).toString()).toBe('secret');
  await here.eraseVisitorKey(tenantId, visitorId);
  await expect(here.open(place, sealed)).rejects.toThrow(CannotDecrypt);
  now += cacheSeconds * 1_000 - 1;
  expect((await elsewhere.open(place, sealed)).toString()).toBe('secret');
  now += 1;
  await expect(elsewhere.open(place, sealed)).rejects.toThrow(CannotDecrypt);
  // A key made anew for the same visitor is another one.
  await here.visitorKey(tenantId, visitorId);
  await expect(here.open(place, sealed)).rejects.toThrow(CannotDecrypt);
});

test('P7: an erased key is let go of by whoever hears of it, and what was on its way meanwhile is not remembered', async () => {
  const [here, elsewhere] = [replica(), replica()];
  const sealed = seal(await here.visitorKey(tenantId, visitorId), place, 'secret');
  keystore.onAnswer = () => elsewhere.forget(tenantId, visitorId);
  expect((await elsewhere.open(place, sealed)).toString()).toBe('secret');
  keystore.onAnswer = () => undefined;
  await here.eraseVisitorKey(tenantId, visitorId);
  await expect(elsewhere.open(place, sealed)).rejects.toThrow(CannotDecrypt);
});

test("P7: with a tenant's keys erased nothing of it opens, and another tenant's does", async () => {
  const [here, elsewhere] = [replica(), replica()];
  const other = newUuid();
  const theirs = { ...place, tenantId: other };
  const [sealed, kept] = [
    seal(await here.visitorKey(tenantId, visitorId), place, 'secret'),
    seal(await here.visitorKey(other, visitorId), theirs, 'kept'),
  ];
  await elsewhere.openAll([
    { place, sealed },
    { place: theirs, sealed: kept },
  ]);
  await here.erase({ tenantId, kind: 'tenant', id: tenantId });
  elsewhere.forget(tenantId, null);
  for (const ring of [here, elsewhere]) {
    await expect(ring.open(place, sealed)).rejects.toThrow(CannotDecrypt);
    expect((await ring.open(theirs, kept)).toString()).toBe('kept');
  }
});

test('a key is never made under a key of the tenant that is gone', async () => {
  const [here, elsewhere] = [replica(), replica()];
  await elsewhere.tenantKey(tenantId);
  keystore.stored.length = 0;
  await here.tenantKey(tenantId);
  // It has not heard of it, and wraps with what it holds.
  const sealed = seal(await elsewhere.visitorKey(tenantId, visitorId), place, 'new');
  expect((await replica().open(place, sealed)).toString()).toBe('new');
});

test('P7: whoever was erased never gets a key again, from a replica that has not heard of it either', async () => {
  const [here, elsewhere] = [replica(), replica()];
  const [gone, other] = [newUuid(), newUuid()];
  const sealed = seal(await here.visitorKey(tenantId, visitorId), place, 'secret');
  await elsewhere.tenantKey(tenantId);
  await here.erase({ tenantId, kind: 'visitor', id: visitorId });
  await here.erase({ tenantId, kind: 'visitor', id: visitorId });
  for (const ring of [here, elsewhere]) {
    await expect(ring.visitorKey(tenantId, visitorId)).rejects.toThrow(SubjectErased);
    await expect(ring.open(place, sealed)).rejects.toThrow(CannotDecrypt);
    expect((await ring.visitorKey(tenantId, other)).tenantId).toBe(tenantId);
  }
  await here.visitorKey(gone, visitorId);
  await here.erase({ tenantId: gone, kind: 'tenant', id: gone });
  for (const ring of [here, elsewhere]) {
    await expect(ring.visitorKey(gone, newUuid())).rejects.toThrow(SubjectErased);
    await expect(ring.tenantKey(gone)).rejects.toThrow(SubjectErased);
  }
});

test('a retired version refuses by its own class, and says no more', async () => {
  const ring = replica();
  const sealed = seal(await ring.visitorKey(tenantId, visitorId), place, 'secret');
  for (const key of keystore.stored) if (key.kind === 'visitor') key.state = 'retired';
  ring.forget(tenantId, visitorId);
  await expect(ring.open(place, sealed)).rejects.toThrow(KeyRetired);
  await expect(ring.open(place, sealed)).rejects.toThrow(CannotDecrypt);
});

test("P7: with the tenant's key gone, the keys of its visitors open nothing", async () => {
  const sealed = seal(await replica().visitorKey(tenantId, visitorId), place, 'secret');
  await keystore.erase(tenantId, 'tenant', tenantId);
  await expect(replica().open(place, sealed)).rejects.toThrow(CannotDecrypt);
});

test('another master key opens nothing', async () => {
  const sealed = seal(await replica().visitorKey(tenantId, visitorId), place, 'secret');
  await expect(replica(randomBytes(32)).open(place, sealed)).rejects.toThrow(CannotDecrypt);
});

test('P4: a wrapped key that was moved to another tenant, subject kind or id does not open', async () => {
  const sealed = seal(await replica().visitorKey(tenantId, visitorId), place, 'secret');
  const other = newUuid();
  const stolen = { ...place, tenantId: other };
  await replica().tenantKey(other);
  const wrapped = keystore.stored.find(({ kind }) => kind === 'visitor') as (typeof keystore.stored)[number];
  keystore.stored.push({ ...wrapped, tenantId: other });
  await expect(replica().open(stolen, sealed)).rejects.toThrow(CannotDecrypt);
  const swapped = newUuid();
  keystore.stored.push({ ...wrapped, id: swapped, subjectId: newUuid() });
  await expect(replica().visitorKey(tenantId, (keystore.stored.at(-1) as WrappedKey).subjectId)).rejects.toThrow(CannotDecrypt);
});

test("P4: a key remembered for one tenant does not open another tenant's place", async () => {
  const ring = replica();
  const sealed = seal(await ring.visitorKey(tenantId, visitorId), place, 'secret');
  await expect(ring.open({ ...place, tenantId: newUuid() }, sealed)).rejects.toThrow(CannotDecrypt);
});
