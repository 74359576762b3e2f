import { z } from 'zod';
import { type ConfigValues, defineTopic, entry, setting } from '../config/index.ts';

/** The Redis that holds what can be rebuilt. */
export const redisConfig = defineTopic('redis', 'Redis', {
  url: entry(
    'REDIS_URL',
    z.string().regex(/^rediss?:\/\//, 'must start with redis:// or rediss://'),
    'Redis or Valkey (>= 7), with maxmemory-policy noeviction.',
    { secret: true },
  ),
  commandTimeoutMs: entry(
    'REDIS_COMMAND_TIMEOUT_MS',
    setting.int(50, 60_000).default(2_000),
    'Longest wait for one command, in milliseconds.',
  ),
});

/** Values of the Redis topic. */
export type RedisConfig = ConfigValues<typeof redisConfig>;
