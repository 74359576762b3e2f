export { redisKeys } from './keys.ts';
export { RedisConnections, type RedisTrouble } from './redis.ts';
export { type RedisConfig, redisConfig } from './redis.config.ts';
export { RedisModule } from './redis.module.ts';
export { isNoScript, RedisScript } from './script.ts';
