import { setImmediate as nextTurn } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { isNoScript, type RedisConnections, RedisScript } from '../../../platform/redis/index.ts';
import type { Replica } from '../../../platform/replicas/index.ts';
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
const writeSockets = new RedisScript(new URL('lua/write-sockets.lua', import.meta.url));

/**
 * How many sockets each owner has open, over all replicas; an owner is named by the Redis key of its count. Each replica writes its own
 * count, as a number and not as a change, so that a flush, a crash or a lost write mends itself: with the next socket, or within a minute. The
 * counts of a replica that is gone are dropped by whoever sees them. While Redis is away each replica holds the limit for itself. An owner
 * without a limit is counted too, for the day on which it gets one, but costs no round trip. Whoever makes one closes it.
 */
export class SocketCounts {
  private readonly logger = new Logger(SocketCounts.name);
  private readonly open = new Map<string, number>();
  private readonly redis: RedisConnections;
  private readonly replica: Replica;
  private readonly renewing: NodeJS.Timeout;

  constructor(redis: RedisConnections, replica: Replica) {
    this.redis = redis;
    this.replica = replica;
    this.renewing = setInterval(() => void this.renew(), renewMs);
    this.renewing.unref();
  }

  /** Takes a place for one more socket; false when the owner has `limit` already. Whoever has a place gives it back. */
  async take(key: string, limit: number | undefined): Promise<boolean> {
    const here = (this.open.get(key) ?? 0) + 1;
    if (limit !== undefined && here > limit) return false;
    this.open.set(key, here);
    if (limit === undefined || (await this.fitsEverywhere(key, here, limit))) return true;
    this.giveBack(key);
    return false;
  }

  /** Gives a place back. Nobody waits for Redis here. */
  giveBack(key: string): void {
    const left = (this.open.get(key) ?? 0) - 1;
    if (left < 0) return;
    if (left === 0) this.open.delete(key);
    else this.open.set(key, left);
    writeSockets.run(this.redis.commands, [key], [this.replica.id, left, tooOldSeconds]).catch(() => undefined);
  }

  /** Writes all counts of this replica again. */
  async renew(): Promise<void> {
    const keys = [...this.open.keys()];
    try {
      for (let at = 0; at < keys.length; at += batchSize) {
        const batch = keys.slice(at, at + batchSize);
        if (!(await this.write(batch))) {
          await writeSockets.load(this.redis.commands);
          await this.write(batch);
        }
        await nextTurn();
      }
    } catch (error) {
      this.logger.debug({ error: safeError(error) }, 'socket counts could not be renewed; trying again');
    }
  }

  /** Ends the renewals. */
  close(): void {
    clearInterval(this.renewing);
  }

  /** False when Redis does not know the script. */
  private async write(keys: string[]): Promise<boolean> {
    const pipeline = this.redis.commands.pipeline();
    for (const key of keys) {
      // Read now: one that was given back meanwhile must not come to life again.
      const count = this.open.get(key);
      if (count !== undefined) writeSockets.queue(pipeline, [key], [this.replica.id, count, tooOldSeconds]);
    }
    for (const [error] of (await pipeline.exec()) ?? []) {
      if (isNoScript(error)) return false;
      if (error !== null) throw error;
    }
    return true;
  }

  private async fitsEverywhere(key: string, here: number, limit: number): Promise<boolean> {
    const args = [this.replica.id, here, limit, tooOldSeconds, ...(this.replica.gone() ?? [])];
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(true), answerWithinMs);
    });
    // Redis is away: the limit holds here alone.
    const answered = countSockets.run(this.redis.commands, [key], args).then(
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
