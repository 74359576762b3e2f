import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestStack, testStack } from '../../../../test/support/stack.ts';
import { redisKeys } from '../../../platform/redis/index.ts';
import { routeOf, RouteSlots } from './route-slots.ts';

let stack: TestStack;
let slots: RouteSlots;
beforeAll(async () => {
  stack = await testStack({ env: { CHAT_MAX_TURNS_PER_MODEL: '2', CHAT_TURNS_PER_SKILL: 'vision=3, reasoning=1' } });
  slots = stack.app.get(RouteSlots);
});
afterAll(() => stack.close());

const held = (route: string) => stack.redis.zrange(redisKeys.routeTurns(route), '0', '-1');

it('P9: a model has as many places as it may, each given once and given back once', async () => {
  const [route, a, b, c] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
  expect([await slots.take(route, a), await slots.take(route, b), await slots.take(route, c)]).toEqual([true, true, false]);
  expect(await slots.take(route, a)).toBe(true);
  slots.release(a);
  slots.release(a);
  await expect.poll(() => held(route)).toEqual([b]);
  expect([await slots.take(route, c), await slots.take(route, a)]).toEqual([true, false]);
  // A turn that is taken over has had its place on the replica that is gone.
  expect(await slots.take(route, a, true)).toBe(true);
  expect((await held(route)).toSorted()).toEqual([a, b, c].toSorted());
});

it('P5: places are written again after a flush, and none that was left to another replica', async () => {
  const [route, mine, theirs] = [randomUUID(), randomUUID(), randomUUID()];
  await slots.take(route, mine);
  await slots.take(route, theirs);
  slots.forget(theirs);
  await stack.redis.flushdb();
  await expect.poll(() => held(route), { timeout: 5_000 }).toEqual([mine]);
});

it('P9: a skill has places of its own, and holds up nobody who does not need it', async () => {
  const model = randomUUID();
  const seeing = routeOf(model, ['vision']);
  expect([seeing, routeOf(model, [])]).toEqual([`${model} +vision`, model]);
  expect([
    slots.limitOf(model),
    slots.limitOf(seeing),
    slots.limitOf(routeOf(model, ['vision', 'reasoning'])),
    slots.limitOf(routeOf(model, ['tools'])),
  ]).toEqual([2, 3, 1, 2]);
  const places = async (route: string, count: number) => {
    const taken: boolean[] = [];
    for (let at = 0; at < count; at += 1) taken.push(await slots.take(route, randomUUID()));
    return taken.filter(Boolean).length;
  };
  expect([await places(seeing, 5), await places(model, 5)]).toEqual([3, 2]);
});
