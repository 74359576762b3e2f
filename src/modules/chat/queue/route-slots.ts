import { Inject, Injectable, Logger } from '@nestjs/common';
import { redisKeys, RedisConnections, RedisScript } from '../../../platform/redis/index.ts';
import { safeError } from '../../../platform/telemetry/index.ts';
import type { Skill } from '../../models/index.ts';
import { type ChatConfig, chatConfig } from '../chat.config.ts';

/** How long a place is kept without being renewed, in milliseconds: several heartbeats. */
const placeMs = 10_000;
const renewMs = 2_000;

const take = new RedisScript(new URL('lua/take-route.lua', import.meta.url));

/** The queue's name for what a turn needs: its model, and the skills that its bot asks for, which have places of their own. */
export function routeOf(model: string, needs: readonly Skill[]): string {
  return needs.length === 0 ? model : `${model} +${[...new Set(needs)].toSorted().join('+')}`;
}

/**
 * How many answers may stream at once from one model, or with one skill, over all replicas. Counted in Redis, renewed while they run; a flush
 * begins the count anew with the next renewal. Without a limit nothing is asked of Redis.
 */
@Injectable()
export class RouteSlots {
  private readonly logger = new Logger(RouteSlots.name);
  private readonly held = new Map<string, string>();
  private readonly shares: Map<string, number>;
  private renewing: NodeJS.Timeout | undefined;

  constructor(
    private readonly redis: RedisConnections,
    @Inject(chatConfig.token) private readonly config: ChatConfig,
  ) {
    this.shares = new Map(
      config.turnsPerSkill.map((share) => share.split('=') as [string, string]).map(([skill, count]) => [skill, Number(count)]),
    );
  }

  /** Answers at once on one route: the least share of its skills, else the bound of its model; undefined without a limit. */
  limitOf(route: string): number | undefined {
    const [, needs] = / \+(\S+)$/.exec(route) ?? [];
    const shares = (needs?.split('+') ?? []).flatMap((skill) => this.shares.get(skill) ?? []);
    if (shares.length > 0) return Math.min(...shares);
    return this.config.maxTurnsPerModel === 0 ? undefined : this.config.maxTurnsPerModel;
  }

  /** Takes a place for a turn; false when there is none. `anyway`: for a turn that had one on a replica that is gone. */
  async take(route: string, turnId: string, anyway = false): Promise<boolean> {
    const limit = this.limitOf(route);
    if (limit === undefined) return true;
    const taken = await take.run(this.redis.commands, [redisKeys.routeTurns(route)], [turnId, limit, placeMs, anyway ? 1 : 0]);
    if (taken !== 1) return false;
    this.held.set(turnId, route);
    this.renewing ??= setInterval(() => this.renew(), renewMs).unref();
    return true;
  }

  /** Gives a turn's place back. */
  release(turnId: string): void {
    const route = this.held.get(turnId);
    if (route === undefined) return;
    this.held.delete(turnId);
    // A place that could not be given back runs out by itself.
    this.redis.commands
      .zrem(redisKeys.routeTurns(route), turnId)
      .catch((error: unknown) => this.logger.debug({ error: safeError(error) }, 'place not given back'));
  }

  /** Leaves the place of a turn to the replica that was faster in claiming it. */
  forget(turnId: string): void {
    this.held.delete(turnId);
  }

  /** Renews the places of the turns that run here; also while Postgres is away. */
  private renew(): void {
    if (this.held.size === 0) {
      clearInterval(this.renewing);
      this.renewing = undefined;
    }
    for (const [turnId, route] of this.held) {
      take
        .run(this.redis.commands, [redisKeys.routeTurns(route)], [turnId, this.limitOf(route) ?? 0, placeMs, 1])
        .catch((error: unknown) => this.logger.debug({ error: safeError(error) }, 'place not renewed'));
    }
  }
}
