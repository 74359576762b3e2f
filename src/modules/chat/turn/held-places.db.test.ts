import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { scripted, send } from '../../../../test/support/event-stream.ts';
import { type TestStack, testStack, type TestTenant } from '../../../../test/support/stack.ts';
import { type SystemDatabase, TenantDatabase } from '../../../platform/database/index.ts';
import { redisKeys } from '../../../platform/redis/index.ts';
import { Replica } from '../../../platform/replicas/index.ts';
import { Admission } from '../../plans/index.ts';
import { TurnQueue } from '../queue/turn-queue.ts';
import { HeldPlaces } from './held-places.ts';
import { TurnRunner } from './turn-runner.ts';

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
  const visitor = redisKeys.visitorTurns(tenant.tenantUuid, unfinished[0]?.visitor_id ?? '');
  // As most of a minute later.
  const soon = Number((await stack.redis.time())[0]) * 1_000 + 2_000;
  for (const key of [redisKeys.tenantTurns(tenant.tenantUuid), visitor]) for (const id of ids) await stack.redis.zadd(key, soon, id);
  await stack.app.get(HeldPlaces).hold();
  for (const key of [redisKeys.tenantTurns(tenant.tenantUuid), visitor])
    await expect.poll(async () => (await stack.redis.zrangebyscore(key, soon + 10_000, '+inf')).toSorted()).toEqual(ids);
  await first.response.body?.cancel().catch(() => undefined);
});

it('one that has given its place back is not given it again', async () => {
  const [gone] = await rows<{ id: string }>(`SELECT * FROM turns WHERE tenant_id = $1 AND state = 'waiting'`);
  const key = redisKeys.tenantTurns(tenant.tenantUuid);
  // Stopped between the look and the renewal.
  await stack.redis.zrem(key, gone?.id ?? '');
  await stack.app.get(HeldPlaces).hold();
  expect(await held()).toHaveLength(2);
  await stack.redis.zadd(key, Date.now() + 60_000, gone?.id ?? '');
});

it('those that another replica answers for are left to it', async () => {
  const replica = await stack.replica();
  const key = redisKeys.tenantTurns(tenant.tenantUuid);
  const soon = Number((await stack.redis.time())[0]) * 1_000 + 2_000;
  for (const id of await held()) await stack.redis.zadd(key, soon, id);
  const later = () => stack.redis.zrangebyscore(key, soon + 10_000, '+inf');
  await replica.app.get(HeldPlaces).hold();
  expect(await later()).toEqual([]);
  await stack.app.get(HeldPlaces).hold();
  await expect.poll(later).toHaveLength(3);
  await replica.stop();
});

it('a look into Postgres that takes longer than a round is not begun again', async () => {
  const looks: (() => void)[] = [];
  const slow = { run: () => new Promise((resolve) => looks.push(() => resolve([]))) } as unknown as SystemDatabase;
  const { app } = stack;
  const places = new HeldPlaces(
    app.get(TurnRunner),
    app.get(TurnQueue),
    app.get(Admission),
    app.get(Replica),
    slow,
    app.get(TenantDatabase),
  );
  const first = places.hold();
  await places.hold();
  expect(looks).toHaveLength(1);
  looks[0]?.();
  await first;
  const next = places.hold();
  expect(looks).toHaveLength(2);
  looks[1]?.();
  await next;
});
