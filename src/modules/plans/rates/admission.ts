import { Injectable, Logger } from '@nestjs/common';
import { isNoScript, redisKeys, RedisConnections, RedisScript } from '../../../platform/redis/index.ts';
import { safeError } from '../../../platform/telemetry/index.ts';
import type { Limits } from '../limits/limit-names.ts';

/** Length of a window, in seconds. It begins with the first that is counted. */
export const windowSeconds = 60;
/**
 * How long a turn's place is held without being renewed, in milliseconds: what a replica held that is gone comes free then. Whoever runs
 * or announces turns calls `renew` several times as often.
 */
export const placeMs = 60_000;
/** Sends of a visitor in a window that may turn out to be copies, for each message that they may send: each costs a look into Postgres. */
const copiesPerMessage = 5;
/** Places that are renewed in one round trip. */
const batchSize = 500;

const enterScript = new RedisScript(new URL('lua/enter.lua', import.meta.url));
const holdScript = new RedisScript(new URL('lua/hold.lua', import.meta.url));
const takeBackScript = new RedisScript(new URL('lua/take-back.lua', import.meta.url));
const requestScript = new RedisScript(new URL('lua/take-request.lua', import.meta.url));

/** A turn, and whose it is. Ids are UUIDs. */
export interface TurnPlace {
  tenantId: string;
  visitorId: string;
  turnId: string;
}

/** What is left of a rate. */
export interface Rate {
  limit: number;
  remaining: number;
  /** Seconds until the window begins anew; at least 1. */
  resetSeconds: number;
}

/** The limits that are asked at a send, in the order of the script. */
const asked = ['visitor_messages_per_minute', 'requests_per_minute', 'turns_at_once', 'visitor_turns_at_once'] as const;

/** Which limit refuses. */
export interface RateRefusal {
  limit: (typeof asked)[number];
  quota: number;
  /** Seconds after which a retry can help; at least 1. */
  retryAfter: number;
}

/** When the windows end in which a send was counted, in milliseconds of Redis' clock: the visitor's messages, the tenant's requests. 0 = not counted. */
export type CountedIn = readonly [messages: number, requests: number];

/** What became of a send at the door. */
export interface Entrance {
  /** The visitor's messages. */
  messages: Rate;
  /** The tenant's requests; absent without a limit. */
  requests?: Rate;
  /** Set when the turn may not come in: then nothing was taken. Where several limits refuse, the one that does for longest. */
  refused?: RateRefusal;
  /** Whether one that was refused may be looked up, since it may be a copy of one that came in. */
  mayBeCopy: boolean;
  /** What `takeBack` has to know. */
  countedIn: CountedIn;
}

/**
 * Rates and turns at once, counted in Redis over all replicas by Redis' own clock. Asking is one round trip. While Redis is away it rejects; a
 * flush only begins the counts anew.
 */
@Injectable()
export class Admission {
  private readonly logger = new Logger(Admission.name);

  constructor(private readonly redis: RedisConnections) {}

  /**
   * Counts a send and takes a place for its turn. `messagesPerMinute` is the visitor's. Whoever came in calls `leave` at the end of the turn, or when
   * the send is refused after all. The same turn twice takes one place.
   */
  async enter(place: TurnPlace, limits: Limits, messagesPerMinute: number): Promise<Entrance> {
    const { turnId } = place;
    const quotas = [messagesPerMinute, limits.requests_per_minute, limits.turns_at_once, limits.visitor_turns_at_once];
    const args = [turnId, windowSeconds * 1_000, placeMs, ...quotas.map((quota) => quota ?? -1), copiesOf(messagesPerMinute)];
    const answer = (await enterScript.run(this.redis.commands, doorKeys(place), args)) as number[];
    const [refused = 0, wait = 0, messages = 0, messagesReset = 0, requests = 0, requestsReset = 0, ...countedIn] = answer;
    const limit = asked[refused - 1];
    return {
      messages: rateOf(messagesPerMinute, messages, messagesReset),
      ...(limits.requests_per_minute === undefined ? {} : { requests: rateOf(limits.requests_per_minute, requests, requestsReset) }),
      ...(limit === undefined ? {} : { refused: { limit, quota: quotas[refused - 1] ?? 0, retryAfter: secondsOf(wait) } }),
      mayBeCopy: countedIn[2] === 1,
      countedIn: [countedIn[0] ?? 0, countedIn[1] ?? 0],
    };
  }

  /**
   * Undoes an `enter` that let a send in which turned out to be none of its own: gives the place back, and the counts where their windows still run
   * and there were not too many such sends. Never rejects.
   */
  async takeBack(place: TurnPlace, [messages, requests]: CountedIn, messagesPerMinute: number): Promise<void> {
    await takeBackScript
      .run(this.redis.commands, doorKeys(place), [place.turnId, messages, requests, windowSeconds * 1_000, copiesOf(messagesPerMinute)])
      .catch((error: unknown) => this.logger.debug({ error: safeError(error) }, 'counts not taken back'));
  }

  /** Gives a turn's place back. Never rejects: a place that could not be given back runs out by itself. */
  async leave(place: TurnPlace): Promise<void> {
    const pipeline = this.redis.commands.pipeline();
    for (const key of placeKeys(place)) pipeline.zrem(key, place.turnId);
    await pipeline.exec().catch((error: unknown) => this.logger.debug({ error: safeError(error) }, 'place not given back'));
  }

  /**
   * Holds the places of turns for another minute: `all`, also those that Redis has forgotten or another replica took, or only `held` ones, where a turn may
   * have ended since the caller looked. Rejects when Redis is away.
   */
  async renew(places: readonly TurnPlace[], which: 'all' | 'held' = 'all'): Promise<void> {
    for (let at = 0; at < places.length; at += batchSize) {
      const batch = places.slice(at, at + batchSize);
      if (await this.hold(batch, which)) continue;
      await holdScript.load(this.redis.commands);
      await this.hold(batch, which);
    }
  }

  /** Counts a request of a tenant; undefined without a limit. `refused` when there were too many. Rejects when Redis is away. */
  async takeRequest(tenantId: string, limits: Limits): Promise<{ rate: Rate; refused: boolean } | undefined> {
    const limit = limits.requests_per_minute;
    if (limit === undefined) return undefined;
    const answer = await requestScript.run(this.redis.commands, [redisKeys.tenantRequests(tenantId)], [limit, windowSeconds * 1_000]);
    const [counted, used, reset] = answer as [number, number, number];
    return { rate: rateOf(limit, used, reset), refused: counted !== 1 };
  }

  /** False when Redis does not know the script. */
  private async hold(places: readonly TurnPlace[], which: 'all' | 'held'): Promise<boolean> {
    const pipeline = this.redis.commands.pipeline();
    for (const place of places) holdScript.queue(pipeline, placeKeys(place), [place.turnId, placeMs, which === 'held' ? 1 : 0]);
    for (const [error] of (await pipeline.exec()) ?? []) {
      if (isNoScript(error)) return false;
      if (error !== null) throw error;
    }
    return true;
  }
}

function doorKeys(place: TurnPlace): string[] {
  const { tenantId, visitorId } = place;
  const [messages, copies] = [redisKeys.visitorMessages(tenantId, visitorId), redisKeys.visitorCopies(tenantId, visitorId)];
  return [messages, redisKeys.tenantRequests(tenantId), ...placeKeys(place), copies];
}

function copiesOf(messagesPerMinute: number): number {
  return messagesPerMinute * copiesPerMessage;
}

function placeKeys({ tenantId, visitorId }: TurnPlace): [tenant: string, visitor: string] {
  return [redisKeys.tenantTurns(tenantId), redisKeys.visitorTurns(tenantId, visitorId)];
}

function rateOf(limit: number, used: number, resetMs: number): Rate {
  return { limit, remaining: Math.max(0, limit - used), resetSeconds: secondsOf(resetMs) };
}

function secondsOf(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1_000));
}
