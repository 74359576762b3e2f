import { Injectable } from '@nestjs/common';
import { redisKeys, RedisConnections, RedisScript } from '../../../platform/redis/index.ts';
import { tooOldSeconds } from './socket-counts.ts';

const standingScript = new RedisScript(new URL('lua/standing.lua', import.meta.url));

/** What a tenant does right now, as far as it is counted: what has no limit may not be. */
export interface TenantStanding {
  requests: number;
  /** Milliseconds until the window of requests ends; 0 when none has begun. */
  requestsResetMs: number;
  turns: number;
  sockets: number;
}

/** Looks at the counts in Redis without changing them. */
@Injectable()
export class Standing {
  constructor(private readonly redis: RedisConnections) {}

  /** How a tenant stands; undefined while Redis is away. */
  async of(tenantId: string): Promise<TenantStanding | undefined> {
    const keys = [redisKeys.tenantRequests(tenantId), redisKeys.tenantTurns(tenantId), redisKeys.tenantSockets(tenantId)];
    const answer = await standingScript.run(this.redis.commands, keys, [tooOldSeconds]).catch(() => undefined);
    if (answer === undefined) return undefined;
    const [requests, requestsResetMs, turns, sockets] = answer as [number, number, number, number];
    return { requests, requestsResetMs, turns, sockets };
  }
}
