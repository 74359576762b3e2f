import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type TestStack, testStack } from '../../../../test/support/stack.ts';
import { redisKeys, RedisConnections } from '../../../platform/redis/index.ts';
import { Admission, placeMs, type TurnPlace } from './admission.ts';

let stack: TestStack;
let admission: Admission;
let tenantId: string;
let visitorId: string;
beforeAll(async () => {
  stack = await testStack();
  admission = stack.app.get(Admission);
});
afterAll(() => stack.close());
beforeEach(() => {
  [tenantId, visitorId] = [randomUUID(), randomUUID()];
});

const turn = (more: Partial<TurnPlace> = {}): TurnPlace => ({ tenantId, visitorId, turnId: randomUUID(), ...more });
const turns = () => stack.redis.zcard(redisKeys.tenantTurns(tenantId));
const many = 1_000;

describe('rates', () => {
  it('count a visitor’s messages as headers tell them', async () => {
    const first = await admission.enter(turn(), {}, 2);
    expect(first).toMatchObject({ messages: { limit: 2, remaining: 1, resetSeconds: 60 } });
    expect(first).not.toHaveProperty('requests');
    expect((await admission.enter(turn(), {}, 2)).messages.remaining).toBe(0);
    const third = await admission.enter(turn(), {}, 2);
    expect(third).toMatchObject({ messages: { remaining: 0 }, refused: { limit: 'visitor_messages_per_minute', quota: 2 } });
    expect(third.refused?.retryAfter).toBeGreaterThan(50);
    // Another visitor, and the same of another tenant, are not touched.
    expect((await admission.enter(turn({ visitorId: randomUUID() }), {}, 2)).refused).toBeUndefined();
    expect((await admission.enter(turn({ tenantId: randomUUID() }), {}, 2)).refused).toBeUndefined();
  });

  it('begin anew when the window ends, which no message prolongs', async () => {
    await admission.enter(turn(), {}, 1);
    const key = redisKeys.visitorMessages(tenantId, visitorId);
    await stack.redis.pexpire(key, 900);
    const refused = await admission.enter(turn(), {}, 1);
    expect(refused).toMatchObject({ refused: { retryAfter: 1 } });
    expect(await stack.redis.pttl(key)).toBeLessThanOrEqual(900);
    await expect.poll(() => stack.redis.exists(key), { interval: 20, timeout: 3_000 }).toBe(0);
    expect((await admission.enter(turn(), {}, 1)).refused).toBeUndefined();
  });

  it('bound the tenant’s requests, sends among them', async () => {
    const limits = { requests_per_minute: 3 };
    expect(await admission.takeRequest(tenantId, {})).toBeUndefined();
    expect(await admission.takeRequest(tenantId, limits)).toEqual({ rate: { limit: 3, remaining: 2, resetSeconds: 60 }, refused: false });
    expect((await admission.enter(turn(), limits, many)).requests).toMatchObject({ limit: 3, remaining: 1 });
    expect(await admission.takeRequest(tenantId, limits)).toMatchObject({ rate: { remaining: 0 }, refused: false });
    expect(await admission.takeRequest(tenantId, limits)).toMatchObject({ rate: { remaining: 0 }, refused: true });
    expect((await admission.enter(turn(), limits, many)).refused).toMatchObject({ limit: 'requests_per_minute', quota: 3 });
  });
});

describe('what is taken back', () => {
  const limits = { requests_per_minute: 5, turns_at_once: 5, visitor_turns_at_once: 5 };
  const counts = async () => [
    await stack.redis.get(redisKeys.visitorMessages(tenantId, visitorId)),
    await stack.redis.get(redisKeys.tenantRequests(tenantId)),
    await turns(),
    await stack.redis.zcard(redisKeys.visitorTurns(tenantId, visitorId)),
  ];

  it('is all that was taken, and the windows end when they would have', async () => {
    await admission.enter(turn(), limits, 5);
    const before = await counts();
    const ends = await stack.redis.pexpiretime(redisKeys.visitorMessages(tenantId, visitorId));
    const place = turn();
    const { countedIn } = await admission.enter(place, limits, 5);
    expect(await counts()).toEqual(['2', '2', 2, 2]);
    await admission.takeBack(place, countedIn, 5);
    expect(await counts()).toEqual(before);
    expect(await stack.redis.pexpiretime(redisKeys.visitorMessages(tenantId, visitorId))).toBe(ends);
  });

  it('finds the window that it was counted in, since no count moves the end of one', async () => {
    const keys = [redisKeys.visitorMessages(tenantId, visitorId), redisKeys.tenantRequests(tenantId)];
    const listener = stack.redis.duplicate();
    const [, before] = await stack.redis.config('GET', 'notify-keyspace-events');
    await stack.redis.config('SET', 'notify-keyspace-events', 'K$g');
    const seen: string[] = [];
    listener.on('message', (_channel: string, event: string) => seen.push(event));
    const database = stack.redis.options.db ?? 0;
    await listener.subscribe(...keys.map((key) => `__keyspace@${database}__:${key}`));
    try {
      for (let times = 0; times < 2; times += 1) await admission.enter(turn(), limits, 5);
      await admission.takeRequest(tenantId, limits);
      // Writing a counter anew with what is left of its time moves its end by a millisecond, now and then.
      await expect.poll(() => seen.filter((event) => event !== 'expire')).toEqual(['set', 'set', 'incrby', 'incrby', 'incrby']);
    } finally {
      await stack.redis.config('SET', 'notify-keyspace-events', before ?? '');
      listener.disconnect();
    }
  });

  it('is no count of a window that began since', async () => {
    const place = turn();
    const { countedIn } = await admission.enter(place, limits, 5);
    const keys = [redisKeys.visitorMessages(tenantId, visitorId), redisKeys.tenantRequests(tenantId)];
    await stack.redis.del(...keys);
    await admission.enter(turn(), limits, 5);
    for (const key of keys) await stack.redis.pexpire(key, 30_000);
    await admission.takeBack(place, countedIn, 5);
    expect(await counts()).toEqual(['1', '1', 1, 1]);
  });

  it('is no count that was not made, and not more than there is', async () => {
    const place = turn();
    const { countedIn } = await admission.enter(place, {}, 5);
    expect(countedIn[1]).toBe(0);
    await admission.takeRequest(tenantId, limits);
    for (let twice = 0; twice < 2; twice += 1) await admission.takeBack(place, countedIn, 5);
    expect(await counts()).toEqual(['0', '1', 0, 0]);
    await stack.redis.flushdb();
    await admission.takeBack(place, countedIn, 5);
    expect(await counts()).toEqual([null, null, 0, 0]);
  });
});

it('P9: copies of a send are taken back and looked up some times a minute, and no more', async () => {
  const copies = 10;
  const limits = { requests_per_minute: 1_000 };
  for (let copy = 0; copy < copies; copy += 1) {
    const place = turn();
    await admission.takeBack(place, (await admission.enter(place, limits, 2)).countedIn, 2);
  }
  expect(await stack.redis.get(redisKeys.visitorMessages(tenantId, visitorId))).toBe('0');
  for (let message = 0; message < 2; message += 1) {
    const place = turn();
    const { refused, countedIn } = await admission.enter(place, limits, 2);
    expect(refused).toBeUndefined();
    await admission.takeBack(place, countedIn, 2);
  }
  expect(await admission.enter(turn(), limits, 2)).toMatchObject({ refused: { limit: 'visitor_messages_per_minute' }, mayBeCopy: false });
  await stack.redis.del(redisKeys.visitorCopies(tenantId, visitorId));
  expect(await admission.enter(turn(), limits, 2)).toMatchObject({ refused: { limit: 'visitor_messages_per_minute' }, mayBeCopy: true });
  expect(await stack.redis.pttl(redisKeys.visitorCopies(tenantId, visitorId))).toBeGreaterThan(50_000);
});

describe('P9: turns at once', () => {
  it('are as many as the limit says, however many ask at the same time', async () => {
    const places = Array.from({ length: 64 }, () => turn({ visitorId: randomUUID() }));
    const answers = await Promise.all(places.map((place) => admission.enter(place, { turns_at_once: 9 }, many)));
    expect(answers.filter(({ refused }) => refused === undefined)).toHaveLength(9);
    expect(answers.find(({ refused }) => refused)?.refused).toEqual({ limit: 'turns_at_once', quota: 9, retryAfter: 1 });
    expect(await turns()).toBe(9);
  });

  it('take one place each, and give it back', async () => {
    const limits = { turns_at_once: 1, visitor_turns_at_once: 1 };
    const place = turn();
    expect((await admission.enter(place, limits, many)).refused).toBeUndefined();
    expect((await admission.enter(place, limits, many)).refused).toBeUndefined();
    expect((await admission.enter(turn(), limits, many)).refused?.limit).toMatch(/turns_at_once$/);
    await admission.leave(place);
    await admission.leave(place);
    expect((await admission.enter(turn(), limits, many)).refused).toBeUndefined();
  });

  it('are bounded for each visitor apart', async () => {
    const limits = { turns_at_once: 10, visitor_turns_at_once: 1 };
    await admission.enter(turn(), limits, many);
    expect((await admission.enter(turn(), limits, many)).refused).toEqual({ limit: 'visitor_turns_at_once', quota: 1, retryAfter: 1 });
    expect((await admission.enter(turn({ visitorId: randomUUID() }), limits, many)).refused).toBeUndefined();
  });

  it('come free by themselves when nobody renews them, by Redis’ clock', async () => {
    const limits = { turns_at_once: 1 };
    const place = turn();
    await admission.enter(place, limits, many);
    const key = redisKeys.tenantTurns(tenantId);
    const [seconds] = await stack.redis.time();
    const until = Number(await stack.redis.zscore(key, place.turnId));
    expect(Math.abs(until - (Number(seconds) * 1_000 + placeMs))).toBeLessThan(5_000);
    expect(await stack.redis.pttl(key)).toBeGreaterThan(placeMs - 5_000);
    await stack.redis.zadd(key, Number(seconds) * 1_000 - 1, place.turnId);
    expect((await admission.enter(turn(), limits, many)).refused).toBeUndefined();
    expect(await stack.redis.zscore(key, place.turnId)).toBeNull();
  });

  it('P5: are written again after a flush, scripts and all', async () => {
    const limits = { turns_at_once: 2 };
    const places = [turn(), turn()];
    for (const place of places) await admission.enter(place, limits, many);
    await stack.redis.flushdb();
    await stack.redis.script('FLUSH');
    expect(await turns()).toBe(0);
    await admission.renew(places);
    expect((await stack.redis.zrange(redisKeys.tenantTurns(tenantId), '0', '-1')).toSorted()).toEqual(
      places.map(({ turnId }) => turnId).toSorted(),
    );
    expect((await admission.enter(turn(), limits, many)).refused?.limit).toBe('turns_at_once');
    await admission.renew([]);
  });

  it('are held for longer, and not written again for a turn that has given its place back', async () => {
    const limits = { turns_at_once: 5, visitor_turns_at_once: 5 };
    const [waits, stopped] = [turn(), turn()];
    for (const place of [waits, stopped]) await admission.enter(place, limits, many);
    const keys = [redisKeys.tenantTurns(tenantId), redisKeys.visitorTurns(tenantId, visitorId)];
    const soon = Number((await stack.redis.time())[0]) * 1_000 + 2_000;
    for (const key of keys) await stack.redis.zadd(key, soon, waits.turnId);
    await admission.leave(stopped);
    await admission.renew([waits, stopped], 'held');
    for (const key of keys) {
      expect(await stack.redis.zrange(key, '0', '-1')).toEqual([waits.turnId]);
      expect(Number(await stack.redis.zscore(key, waits.turnId))).toBeGreaterThan(soon + placeMs / 2);
    }
  });
});

it('nothing is taken where any limit refuses', async () => {
  const limits = { turns_at_once: 1, visitor_turns_at_once: 5, requests_per_minute: 10 };
  await admission.enter(turn(), limits, 10);
  const kept = async () => ({
    messages: await stack.redis.get(redisKeys.visitorMessages(tenantId, visitorId)),
    requests: await stack.redis.get(redisKeys.tenantRequests(tenantId)),
    tenant: await turns(),
    visitor: await stack.redis.zcard(redisKeys.visitorTurns(tenantId, visitorId)),
  });
  const before = await kept();
  expect(before).toEqual({ messages: '1', requests: '1', tenant: 1, visitor: 1 });
  for (let at = 0; at < 3; at += 1) expect((await admission.enter(turn(), limits, 10)).refused?.limit).toBe('turns_at_once');
  expect((await admission.enter(turn(), { ...limits, turns_at_once: 9 }, 1)).refused?.limit).toBe('visitor_messages_per_minute');
  expect(await kept()).toEqual(before);
});

it('of several that refuse, the one that does for longest is named', async () => {
  const limits = { turns_at_once: 1, requests_per_minute: 1 };
  await admission.enter(turn(), limits, 10);
  expect((await admission.enter(turn(), limits, 10)).refused).toMatchObject({ limit: 'requests_per_minute' });
});

it('a limit of 0 refuses the first', async () => {
  expect((await admission.enter(turn(), { turns_at_once: 0 }, 10)).refused?.limit).toBe('turns_at_once');
  expect((await admission.enter(turn(), { requests_per_minute: 0 }, 10)).refused).toMatchObject({ retryAfter: 60 });
  expect(await admission.takeRequest(tenantId, { requests_per_minute: 0 })).toMatchObject({ refused: true });
});

it('P4: all keys of a tenant carry its tag, so that they are on one node of a cluster', async () => {
  await admission.enter(turn(), { turns_at_once: 5, visitor_turns_at_once: 5, requests_per_minute: 5 }, 5);
  const keys = await stack.redis.keys(`*${tenantId}*`);
  expect(keys).toHaveLength(4);
  for (const key of keys) expect(key).toContain(`{${tenantId}}`);
});

it('rejects while Redis is away, and leaving never does', async () => {
  const replica = await stack.replica();
  const [away, redis] = [replica.app.get(Admission), replica.app.get(RedisConnections)];
  redis.commands.disconnect();
  await expect(away.enter(turn(), {}, 5)).rejects.toThrow();
  await expect(away.renew([turn()])).rejects.toThrow();
  await away.leave(turn());
  await away.takeBack(turn(), [1, 1], 5);
  await replica.stop();
});
