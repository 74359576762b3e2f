import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { redisKeys, RedisConnections } from '../../../platform/redis/index.ts';
import { Replica } from '../../../platform/replicas/index.ts';
import { SocketCounts } from '../../plans/index.ts';
import { type ChatConfig, chatConfig } from '../chat.config.ts';
import type { Party } from '../turn/send-request.ts';

/** Whose sockets are counted. */
type Visitor = Pick<Party, 'tenantId' | 'visitorId'>;

/** How many sockets each visitor has open, over all replicas. */
@Injectable()
export class VisitorSockets implements OnApplicationShutdown {
  private readonly counts: SocketCounts;

  constructor(
    redis: RedisConnections,
    replica: Replica,
    @Inject(chatConfig.token) private readonly config: ChatConfig,
  ) {
    this.counts = new SocketCounts(redis, replica);
  }

  /** Takes a place for one more socket; false when the visitor has too many. Whoever has a place gives it back. */
  take(visitor: Visitor): Promise<boolean> {
    return this.counts.take(keyOf(visitor), this.config.socketsPerVisitor);
  }

  /** Gives a place back. Nobody waits for Redis here. */
  giveBack(visitor: Visitor): void {
    this.counts.giveBack(keyOf(visitor));
  }

  /** Writes all counts of this replica again. */
  renew(): Promise<void> {
    return this.counts.renew();
  }

  onApplicationShutdown(): void {
    this.counts.close();
  }
}

function keyOf({ tenantId, visitorId }: Visitor): string {
  return redisKeys.visitorSockets(tenantId, visitorId);
}
