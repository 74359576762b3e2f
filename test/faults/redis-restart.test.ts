import { Redis } from 'ioredis';
import { describe, expect, it } from 'vitest';
import { redisKeys } from '../../src/platform/redis/index.ts';
import { counted, scripted, send } from '../support/event-stream.ts';
import { expectRefused, openSocket, readThrough, type RedisStack, until, untilReadiness, withRedis } from './support/outage.ts';

const losses = [
  { name: 'is killed and finds its data again', lose: ({ redis }: RedisStack) => redis.restart(true) },
  { name: 'is killed and comes back empty', lose: ({ redis }: RedisStack) => redis.restart(false) },
  { name: 'is flushed', lose: ({ redis }: RedisStack) => redis.flush() },
];

describe.concurrent('P5: a Redis that', () => {
  it.each(losses)('$name mid-answer: readers here and on another replica have every chunk once', { timeout: 60_000 }, async ({ lose }) =>
    withRedis({}, async (on) => {
      const { stack, tenant } = on;
      const other = await stack.replica();
      const socket = await openSocket(stack.url, tenant);
      const request = socket.ask('answer', scripted({ tokens: 150, tokens_per_second: 50 }));
      await socket.shows(request, 40);
      const elsewhere = readThrough(other.url, tenant, 'answer');
      elsewhere.catch(() => undefined);
      await socket.shows(request, 120);
      await lose(on);
      const here = await socket.answer(request);
      expect(here.text).toBe(counted(150));
      const there = await elsewhere;
      expect(there.text).toBe(counted(150));
      // The numbers hold: the producer wrote its log again as it was. Both saw the very same chunks.
      expect(there.epochs).toHaveLength(1);
      expect(there.chunks.map((chunk) => JSON.stringify(chunk))).toEqual(here.chunks);
      await untilReadiness(stack, 'redis', 'ok', 5_000);
      expect((await (await send(stack.url, tenant, { conversation: 'after', text: scripted({ tokens: 5 }) })).finished()).text).toBe(
        counted(5),
      );
      await untilSchedulesAreBack(on);
      await other.stop();
    }),
  );

  it('evicts keys from now on: /readyz says so, and is content again when it no longer does', { timeout: 60_000 }, async () =>
    withRedis({}, async ({ stack, redis }) => {
      const admin = new Redis(redis.url);
      await untilReadiness(stack, 'redis', 'ok', 5_000);
      await admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
      await untilReadiness(stack, 'redis', 'eviction policy is allkeys-lru: set noeviction', 2_000);
      await admin.config('SET', 'maxmemory-policy', 'noeviction');
      await untilReadiness(stack, 'redis', 'ok', 2_000);
      expect((await stack.request('GET', '/readyz')).body.status).toBe('ready');
      admin.disconnect();
    }),
  );

  it('is full: sends are refused clearly, and go through when there is room again', { timeout: 60_000 }, async () =>
    withRedis({}, async ({ stack, tenant, redis }) => {
      const admin = new Redis(redis.url);
      await admin.config('SET', 'maxmemory', '1');
      await untilReadiness(stack, 'redis', 'memory is full', 2_000);
      await expectRefused(stack, '/v1/chat', { token: tenant.apiKey, body: { id: 'full', bot_id: tenant.botId, messages: [message] } });
      await admin.config('SET', 'maxmemory', '0');
      await untilReadiness(stack, 'redis', 'ok', 2_000);
      expect((await (await send(stack.url, tenant, { conversation: 'full', text: scripted({ tokens: 5 }) })).finished()).text).toBe(
        counted(5),
      );
      admin.disconnect();
    }),
  );
});

const message = { id: 'message', role: 'user', parts: [{ type: 'text', text: 'Hello' }] };

/** Jobs that run on a schedule are scheduled again. */
async function untilSchedulesAreBack({ redis }: RedisStack): Promise<void> {
  const admin = new Redis(redis.url);
  try {
    await until('schedules', 15_000, async () => (await admin.exists(`${redisKeys.queues}:jobs:repeat`)) === 1);
  } finally {
    admin.disconnect();
  }
}
