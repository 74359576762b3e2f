import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestStack, testStack } from '../../../../test/support/stack.ts';
import { replaceClock } from '../../../kernel/clock.ts';
import { redisKeys, RedisConnections } from '../../../platform/redis/index.ts';
import { Standing } from './standing.ts';
import { TenantSockets } from './tenant-sockets.ts';

let stack: TestStack;
let sockets: TenantSockets;
beforeAll(async () => {
  stack = await testStack();
  sockets = stack.app.get(TenantSockets);
});
afterAll(() => stack.close());

const openOf = async (tenantId: string) => (await stack.app.get(Standing).of(tenantId))?.sockets;

it('P9: a tenant’s sockets are bounded over all replicas', async () => {
  const replica = await stack.replica();
  const there = replica.app.get(TenantSockets);
  const tenantId = randomUUID();
  expect([await sockets.take(tenantId, 3), await there.take(tenantId, 3), await sockets.take(tenantId, 3)]).toEqual([true, true, true]);
  expect([await sockets.take(tenantId, 3), await there.take(tenantId, 3)]).toEqual([false, false]);
  expect(await openOf(tenantId)).toBe(3);
  expect(await sockets.take(randomUUID(), 3)).toBe(true);
  sockets.giveBack(tenantId);
  await expect.poll(() => openOf(tenantId)).toBe(2);
  expect(await there.take(tenantId, 3)).toBe(true);
  there.giveBack(tenantId);
  there.giveBack(tenantId);
  sockets.giveBack(tenantId);
  sockets.giveBack(tenantId);
  await expect.poll(() => stack.redis.exists(redisKeys.tenantSockets(tenantId))).toBe(0);
  await replica.stop();
});

it('many that are opened at once are as many as the limit says', async () => {
  const tenantId = randomUUID();
  const taken = await Promise.all(Array.from({ length: 64 }, () => sockets.take(tenantId, 9)));
  expect(taken.filter(Boolean)).toHaveLength(9);
});

it('P5: a count comes back after a flush, also one without a limit', async () => {
  const tenantId = randomUUID();
  expect(await sockets.take(tenantId, undefined)).toBe(true);
  expect(await openOf(tenantId)).toBe(0);
  await stack.redis.flushdb();
  await stack.redis.script('FLUSH');
  await sockets.renew();
  expect(await openOf(tenantId)).toBe(1);
  expect(await sockets.take(tenantId, 1)).toBe(false);
});

it('P9: the limit holds beside a replica whose clock is wrong, after its renewals too', async () => {
  const replica = await stack.replica();
  const there = replica.app.get(TenantSockets);
  const tenantId = randomUUID();
  for (let at = 0; at < 4; at += 1) expect(await sockets.take(tenantId, 4)).toBe(true);
  for (const wrongMs of [-200_000, 200_000]) {
    const restore = replaceClock({ now: () => Date.now() + wrongMs });
    await sockets.renew();
    restore();
    expect([await there.take(tenantId, 4), await openOf(tenantId)]).toEqual([false, 4]);
  }
  const restore = replaceClock({ now: () => Date.now() - 200_000 });
  sockets.giveBack(tenantId);
  restore();
  await expect.poll(() => openOf(tenantId)).toBe(3);
  expect([await there.take(tenantId, 4), await there.take(tenantId, 4)]).toEqual([true, false]);
  await replica.stop();
});

it('while Redis is away each replica holds the limit for itself', async () => {
  const replica = await stack.replica();
  const [away, tenantId] = [replica.app.get(TenantSockets), randomUUID()];
  replica.app.get(RedisConnections).commands.disconnect();
  expect([await away.take(tenantId, 1), await away.take(tenantId, 1)]).toEqual([true, false]);
  await replica.stop();
});
