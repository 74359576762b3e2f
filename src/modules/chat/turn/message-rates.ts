import { Inject, Injectable } from '@nestjs/common';
import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { redisKeys, RedisConnections } from '../../../platform/redis/index.ts';
import { type ChatConfig, chatConfig } from '../chat.config.ts';
import { chatErrors } from '../chat.errors.ts';

/** How fast a visitor may send, counted over all replicas in one Redis round trip. */
@Injectable()
export class MessageRates {
  private readonly limiter: RateLimiterRedis;

  constructor(redis: RedisConnections, @Inject(chatConfig.token) config: ChatConfig) {
    this.limiter = new RateLimiterRedis({
      storeClient: redis.commands,
      keyPrefix: redisKeys.attempts('messages'),
      points: config.messagesPerMinute,
      duration: 60,
    });
  }

  /** Counts one message; throws 429 with the wait when there were too many. Rejects when Redis is away. */
  async take(tenantId: string, visitorId: string): Promise<void> {
    try {
      await this.limiter.consume(`{${tenantId}}:${visitorId}`);
    } catch (refusal) {
      if (refusal instanceof RateLimiterRes) throw chatErrors.tooFast(refusal.msBeforeNext / 1_000);
      throw refusal;
    }
  }
}
