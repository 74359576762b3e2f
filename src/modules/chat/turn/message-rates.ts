import { Inject, Injectable } from '@nestjs/common';
import { RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible';
import { redisKeys, RedisConnections } from '../../../platform/redis/index.ts';
import { type ChatConfig, chatConfig } from '../chat.config.ts';
import { chatErrors } from '../chat.errors.ts';

/** Length of the window, in seconds. */
const windowSeconds = 60;

/** What is left of a visitor's rate. */
export interface MessageRate {
  limit: number;
  remaining: number;
  /** Seconds until the window begins anew. */
  resetSeconds: number;
}

/** How fast a visitor may send, counted over all replicas in one Redis round trip. */
@Injectable()
export class MessageRates {
  private readonly limiter: RateLimiterRedis;

  constructor(
    redis: RedisConnections,
    @Inject(chatConfig.token) private readonly config: ChatConfig,
  ) {
    this.limiter = new RateLimiterRedis({
      storeClient: redis.commands,
      keyPrefix: redisKeys.attempts('messages'),
      points: config.messagesPerMinute,
      duration: windowSeconds,
    });
  }

  /** Counts one message; throws 429 with the wait when there were too many. Rejects when Redis is away. */
  async take(tenantId: string, visitorId: string): Promise<MessageRate> {
    try {
      return this.rateOf(await this.limiter.consume(`{${tenantId}}:${visitorId}`));
    } catch (refusal) {
      if (!(refusal instanceof RateLimiterRes)) throw refusal;
      const rate = this.rateOf(refusal);
      throw chatErrors.tooFast(rate.resetSeconds, rateHeaders(rate));
    }
  }

  private rateOf({ remainingPoints, msBeforeNext }: RateLimiterRes): MessageRate {
    return { limit: this.config.messagesPerMinute, remaining: remainingPoints, resetSeconds: Math.max(1, Math.ceil(msBeforeNext / 1_000)) };
  }
}

/** The rate as response headers: IETF draft-ietf-httpapi-ratelimit-headers-11, and OpenAI's own for its clients. */
export function rateHeaders({ limit, remaining, resetSeconds }: MessageRate): Record<string, string> {
  return {
    ratelimit: `"messages";r=${remaining};t=${resetSeconds}`,
    'ratelimit-policy': `"messages";q=${limit};w=${windowSeconds}`,
    'x-ratelimit-limit-requests': String(limit),
    'x-ratelimit-remaining-requests': String(remaining),
    'x-ratelimit-reset-requests': `${resetSeconds}s`,
  };
}
