import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { clock } from '../../../kernel/clock.ts';
import { redisKeys, RedisConnections, RedisScript } from '../../../platform/redis/index.ts';
import { Replica } from '../../../platform/replicas/index.ts';
import { safeError } from '../../../platform/telemetry/index.ts';

/** How often this replica writes its counts again, in milliseconds: a flush of Redis forgets them. */
const renewMs = 60_000;
/** Age at which a replica's count no longer counts, in seconds: it has missed two renewals. */
export const tooOldSeconds = 150;
/** Counts that are written in one round trip. */
const batchSize = 500;
/** Longest wait for Redis at a handshake, in milliseconds. */
const answerWithinMs = 1_000;

const countSockets = new RedisScript(new URL('lua/count-sockets.lua', import.meta.url));

/**
 * How many sockets each tenant has open, over all replicas. Each replica writes its own count, as a number and not as a change, so that a
 * flush, a crash or a lost write mends itself. While Redis is away each replica holds the limit for itself. A tenant without a limit is
 * counted too, for the day on which it gets one, but costs no round trip.
 */
@Injectable()
export class TenantSockets implements OnApplicationShutdown {
  private readonly logger = new Logger(TenantSockets.name);
  private readonly open = new Map<string, number>();
  private readonly renewing: NodeJS.Timeout;

  constructor(
    private readonly redis: RedisConnections,
    private readonly replica: Replica,
  ) {
    this.renewing = setInterval(() => void this.renew(), renewMs);
    this.renewing.unref();
  }

  /** Takes a place for one more socket; false when the tenant has `limit` already. Whoever has a place gives it back. */
  async take(tenantId: string, limit: number | undefined): Promise<boolean> {
    const here = (this.open.get(tenantId) ?? 0) + 1;
    if (limit !== undefined && here > limit) return false;
    this.open.set(tenantId, here);
    if (limit === undefined || (await this.fitsEverywhere(tenantId, here, limit))) return true;
    this.giveBack(tenantId);
    return false;
  }

  /** Gives a place back. Nobody waits for Redis here. */
  giveBack(tenantId: string): void {
    const left = (this.open.get(tenantId) ?? 0) - 1;
    if (left < 0) return;
    if (left === 0) this.open.delete(tenantId);
    else this.open.set(tenantId, left);
    const { commands } = this.redis;
    const key = redisKeys.tenantSockets(tenantId);
    const written =
      left === 0
        ? commands.hdel(key, this.replica.id)
        : commands.pipeline().hset(key, this.replica.id, valueOf(left)).expire(key, tooOldSeconds).exec();
    written.catch(() => undefined);
  }

  /** Writes all counts of this replica again. */
  async renew(): Promise<void> {
    const tenants = [...this.open.keys()];
    try {
      for (let at = 0; at < tenants.length; at += batchSize) {
        const pipeline = this.redis.commands.pipeline();
        for (const tenantId of tenants.slice(at, at + batchSize)) {
          // Read now: one that was given back meanwhile must not come to life again.
          const count = this.open.get(tenantId);
          const key = redisKeys.tenantSockets(tenantId);
          if (count !== undefined) pipeline.hset(key, this.replica.id, valueOf(count)).expire(key, tooOldSeconds);
        }
        await pipeline.exec();
        await nextTurn();
      }
    } catch (error) {
      this.logger.debug({ error: safeError(error) }, 'socket counts could not be renewed; trying again');
    }
  }

  onApplicationShutdown(): void {
    clearInterval(this.renewing);
  }

  private async fitsEverywhere(tenantId: string, here: number, limit: number): Promise<boolean> {
    const args = [this.replica.id, here, limit, tooOldSeconds, ...(this.replica.gone() ?? [])];
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(true), answerWithinMs);
    });
    // Redis is away: the limit holds here alone.
    const answered = countSockets.run(this.redis.commands, [redisKeys.tenantSockets(tenantId)], args).then(
      (answer) => answer === 1,
      () => true,
    );
    try {
      return await Promise.race([answered, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** As the scripts read it: sockets and seconds since the epoch. */
function valueOf(count: number): string {
  return `${count}:${Math.floor(clock.now() / 1_000)}`;
}
