import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { scripted, send } from '../../../../test/support/event-stream.ts';
import { type TestStack, testStack, type TestTenant } from '../../../../test/support/stack.ts';
import { redisKeys } from '../../../platform/redis/index.ts';
import { HeldPlaces } from './held-places.ts';

let stack: TestStack;
let tenant: TestTenant;
beforeAll(async () => {
  stack = await testStack();
  tenant = await stack.tenant();
});
afterAll(() => stack.close());

const rows = <T>(sql: string) =>
  stack.db.forTenant(tenant.tenantUuid, async (tx) => (await tx.query(sql, [tenant.tenantUuid])).rows as T[]);
const held = () => stack.redis.zrange(redisKeys.tenantTurns(tenant.tenantUuid), '0', '-1');

it('P9: turns that wait behind another of their conversation keep their places as long as that runs', async () => {
  const conversation = randomUUID();
  const slow = scripted({ tokens: 2_000, tokens_per_second: 20 });
  const first = await send(stack.url, tenant, { conversation, text: slow });
  for await (const { chunk } of first) if (chunk.type === 'text-delta') break;
  for (const text of ['second', 'third']) void (await send(stack.url, tenant, { conversation, text }));
  const unfinished = await rows<{ id: string; state: string; visitor_id: string }>('SELECT * FROM turns WHERE tenant_id = $1');
  expect(unfinished.map(({ state }) => state).toSorted()).toEqual(['running', 'waiting', 'waiting']);
  const ids = unfinished.map(({ id }) => id).toSorted();
  // As a minute later, or after a flush.
  await stack.redis.flushdb();
  await stack.app.get(HeldPlaces).hold();
  await expect.poll(async () => (await held()).toSorted()).toEqual(ids);
  const visitor = redisKeys.visitorTurns(tenant.tenantUuid, unfinished[0]?.visitor_id ?? '');
  expect((await stack.redis.zrange(visitor, '0', '-1')).toSorted()).toEqual(ids);
  await first.response.body?.cancel().catch(() => undefined);
});

it('those that another replica answers for are left to it', async () => {
  const replica = await stack.replica();
  await stack.redis.flushdb();
  await replica.app.get(HeldPlaces).hold();
  expect(await held()).toEqual([]);
  await stack.app.get(HeldPlaces).hold();
  await expect.poll(held).toHaveLength(3);
  await replica.stop();
});
