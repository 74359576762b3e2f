import { setImmediate as nextTurn } from 'node:timers/promises';
import { Inject, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { clock } from '../../../kernel/clock.ts';
import { redisKeys, RedisConnections, RedisScript } from '../../../platform/redis/index.ts';
import { Replica } from '../../../platform/replicas/index.ts';
import { safeError } from '../../../platform/telemetry/index.ts';
import { type ChatConfig, chatConfig } from '../chat.config.ts';
import type { Party } from '../turn/send-request.ts';

/** How often this replica writes its counts again, in milliseconds: a flush of Redis forgets them. */
const renewMs = 60_000;
/** Age at which a replica's count no longer counts, in seconds: it has missed two renewals. */
const tooOldSeconds = 150;
/** Counts that are written in one round trip. */
const batchSize = 500;
/** Longest wait for Redis at a handshake, in milliseconds. */
const answerWithinMs = 1_000;

const countSockets = new RedisScript(new URL('lua/count-sockets.lua', import.meta.url));

/** Whose sockets are counted. */
type Visitor = Pick<Party, 'tenantId' | 'visitorId'>;

interface OpenSockets {
  key: string;
  count: number;
}

/**
 * How many sockets each visitor has open, over all replicas. Each replica writes its own count, as a number and not as a change,
 * so that a flush, a crash or a lost write mends itself: with the next socket, or within a minute. The counts of a replica that
 * is gone are dropped by whoever sees them. While Redis is away each replica holds the limit for itself.
 */
@Injectable()
export class VisitorSockets implements OnApplicationShutdown {
  private readonly logger = new Logger(VisitorSockets.name);
  private readonly open = new Map<string, OpenSockets>();
  private readonly renewing: NodeJS.Timeout;

  constructor(
    private readonly redis: RedisConnections,
    private readonly replica: Replica,
    @Inject(chatConfig.token) private readonly config: ChatConfig,
  ) {
    this.renewing = setInterval(() => void this.renew(), renewMs);
    this.renewing.unref();
  }

  /** Takes a place for one more socket; false when the visitor has too many. Whoever has a place gives it back. */
  async take(visitor: Visitor): Promise<boolean> {
    const name = nameOf(visitor);
    const here = this.open.get(name) ?? { key: redisKeys.visitorSockets(visitor.tenantId, visitor.visitorId), count: 0 };
    if (here.count >= this.config.socketsPerVisitor) return false;
    here.count += 1;
    this.open.set(name, here);
    if (await this.fitsEverywhere(here)) return true;
    this.giveBack(visitor);
    return false;
  }

  /** Gives a place back. Nobody waits for Redis here. */
  giveBack(visitor: Visitor): void {
    const name = nameOf(visitor);
    const here = this.open.get(name);
    if (here === undefined) return;
    here.count -= 1;
    if (here.count === 0) this.open.delete(name);
    const { commands } = this.redis;
    const written =
      here.count === 0
        ? commands.hdel(here.key, this.replica.id)
        : commands.pipeline().hset(here.key, this.replica.id, valueOf(here.count)).expire(here.key, tooOldSeconds).exec();
    written.catch(() => undefined);
  }

  /** Writes all counts of this replica again. */
  async renew(): Promise<void> {
    const all = [...this.open.values()];
    try {
      for (let at = 0; at < all.length; at += batchSize) {
        const pipeline = this.redis.commands.pipeline();
        for (const { key, count } of all.slice(at, at + batchSize)) {
          // One that was given back meanwhile must not come to life again.
          if (count > 0) pipeline.hset(key, this.replica.id, valueOf(count)).expire(key, tooOldSeconds);
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

  private async fitsEverywhere({ key, count }: OpenSockets): Promise<boolean> {
    const args = [this.replica.id, count, this.config.socketsPerVisitor, tooOldSeconds, ...(this.replica.gone() ?? [])];
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => resolve(true), answerWithinMs);
    });
    // Redis is away: the limit holds here alone.
    const asked = countSockets.run(this.redis.commands, [key], args).then(
      (answer) => answer === 1,
      () => true,
    );
    try {
      return await Promise.race([asked, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function nameOf({ tenantId, visitorId }: Visitor): string {
  return `${tenantId}|${visitorId}`;
}

/** As the script reads it: sockets and seconds since the epoch. */
function valueOf(count: number): string {
  return `${count}:${Math.floor(clock.now() / 1_000)}`;
}
