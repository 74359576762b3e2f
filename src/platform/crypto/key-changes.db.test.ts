import { afterAll, beforeAll, expect, test } from 'vitest';
import { newUuid } from '../../kernel/ids.ts';
import type { RunningServer } from '../../apps/server.main.ts';
import { type TestStack, testStack } from '../../../test/support/stack.ts';
import { CannotDecrypt, type Place, seal } from './envelope.ts';
import { type CryptoConfig, cryptoConfig } from './crypto.config.ts';
import { KeyRing } from './key-ring.ts';
import { Keystore } from './keystore.ts';
import { MasterKeys } from './master/master-keys.ts';
import type { ReplicaBus } from '../replicas/index.ts';

let stack: TestStack;
let other: RunningServer;
beforeAll(async () => {
  stack = await testStack({ env: { KEY_CACHE_SECONDS: '3600' } });
  other = await stack.replica();
});
afterAll(() => stack.close());

/** Milliseconds until `ring` no longer opens the value; undefined when it does for ten seconds. */
async function untilClosed(ring: KeyRing, place: Place, sealed: Buffer): Promise<number | undefined> {
  const began = performance.now();
  while (performance.now() - began < 10_000) {
    try {
      await ring.open(place, sealed);
    } catch (error) {
      if (error instanceof CannotDecrypt) return performance.now() - began;
      throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return undefined;
}

async function heldByBoth(tenantId: string, visitorId: string): Promise<{ rings: KeyRing[]; place: Place; sealed: Buffer }> {
  const rings = [stack.app.get(KeyRing), other.app.get(KeyRing)];
  const place: Place = { tenantId, table: 'messages', column: 'content', rowId: newUuid() };
  const sealed = seal(await (rings[0] as KeyRing).visitorKey(tenantId, visitorId), place, 'secret');
  for (const ring of rings) expect((await ring.open(place, sealed)).toString()).toBe('secret');
  return { rings, place, sealed };
}

test("P7: without any hint, an erased visitor's key opens nothing on any replica within 5 s, nor do an erased tenant's", async () => {
  const [tenantId, gone, visitorId] = [newUuid(), newUuid(), newUuid()];
  const one = await heldByBoth(tenantId, visitorId);
  const all = await heldByBoth(gone, newUuid());
  // Whoever erases here reaches nobody: what Redis does when it is down.
  const deaf = new KeyRing(stack.app.get(Keystore), stack.app.get(MasterKeys), stack.app.get<CryptoConfig>(cryptoConfig.token), {
    hint: () => undefined,
  } as unknown as ReplicaBus);
  await deaf.eraseVisitorKey(tenantId, visitorId);
  await deaf.erase({ tenantId: gone, kind: 'tenant', id: gone });
  const times = await Promise.all([one, all].flatMap(({ rings, place, sealed }) => rings.map((ring) => untilClosed(ring, place, sealed))));
  for (const ms of times) expect(ms).toBeLessThan(5_000);
});

test('with hints, within a moment', async () => {
  const { rings, place, sealed } = await heldByBoth(newUuid(), newUuid());
  await (rings[0] as KeyRing).erase({ tenantId: place.tenantId, kind: 'tenant', id: place.tenantId });
  for (const ring of rings) expect(await untilClosed(ring, place, sealed)).toBeLessThan(1_000);
});
