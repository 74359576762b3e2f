import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { replaceClock } from '../../kernel/clock.ts';
import { newUuid } from '../../kernel/ids.ts';
import type { CryptoConfig } from './crypto.config.ts';
import { CannotDecrypt, type Place, seal } from './envelope.ts';
import { KeyRing } from './key-ring.ts';
import type { KeyKind, Keystore, WrappedKey } from './keystore.ts';

/** A keystore in memory that counts its round trips. */
class FakeKeystore {
  readonly stored: (WrappedKey & { tenantId: string })[] = [];
  trips = 0;

  findBySubject(tenantId: string, kind: KeyKind, subjectId: string): Promise<WrappedKey | undefined> {
    this.trips += 1;
    return Promise.resolve(this.stored.find((key) => key.tenantId === tenantId && key.kind === kind && key.subjectId === subjectId));
  }
  findByIds(tenantId: string, ids: string[]): Promise<WrappedKey[]> {
    this.trips += 1;
    return Promise.resolve(this.stored.filter((key) => key.tenantId === tenantId && (ids.includes(key.id) || key.kind === 'tenant')));
  }
  add(tenantId: string, key: WrappedKey): Promise<WrappedKey> {
    const known = this.stored.find((other) => other.tenantId === tenantId && other.kind === key.kind && other.subjectId === key.subjectId);
    if (known === undefined) this.stored.push({ ...key, tenantId });
    return Promise.resolve(known ?? key);
  }
  erase(tenantId: string, kind: KeyKind, subjectId: string): Promise<boolean> {
    const at = this.stored.findIndex((key) => key.tenantId === tenantId && key.kind === kind && key.subjectId === subjectId);
    if (at !== -1) this.stored.splice(at, 1);
    return Promise.resolve(at !== -1);
  }
}

const cacheSeconds = 60;
const masterKey = randomBytes(32);
const [tenantId, visitorId] = [newUuid(), newUuid()];
const place: Place = { tenantId, table: 'messages', column: 'content', rowId: newUuid() };

let keystore: FakeKeystore;
let now: number;
let restore: () => void;

const replica = (master = masterKey) =>
  new KeyRing(keystore as unknown as Keystore, { masterKey: master, keyCacheSeconds: cacheSeconds } as CryptoConfig);

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
