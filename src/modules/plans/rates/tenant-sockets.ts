import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { redisKeys, RedisConnections } from '../../../platform/redis/index.ts';
import { Replica } from '../../../platform/replicas/index.ts';
import { SocketCounts } from './socket-counts.ts';

/** How many sockets each tenant has open, over all replicas. */
@Injectable()
export class TenantSockets implements OnApplicationShutdown {
  private readonly counts: SocketCounts;

  constructor(redis: RedisConnections, replica: Replica) {
    this.counts = new SocketCounts(redis, replica);
  }

  /** Takes a place for one more socket; false when the tenant has `limit` already. Whoever has a place gives it back. */
  take(tenantId: string, limit: number | undefined): Promise<boolean> {
    return this.counts.take(redisKeys.tenantSockets(tenantId), limit);
  }

  /** Gives a place back. Nobody waits for Redis here. */
  giveBack(tenantId: string): void {
    this.counts.giveBack(redisKeys.tenantSockets(tenantId));
  }

  /** Writes all counts of this replica again. */
  renew(): Promise<void> {
    return this.counts.renew();
  }

  onApplicationShutdown(): void {
    this.counts.close();
  }
}
