import { changed, row, rows, type Transaction } from '../../../platform/database/index.ts';

/*
 * Who is next: start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996). Each tenant's turns follow each other on a
 * virtual clock, 1/weight apart; a tenant that comes back begins where the clock stands. Within a plan tier the smallest start
 * is next, so tenants take turns however many each has waiting; a higher tier goes first.
 */

/** The order of waiting turns, as SQL. */
const order = 'tier DESC, virtual_start, created_at, id';

/** A turn's place on the virtual clock. */
export interface QueuePlace {
  tier: number;
  virtualStart: number;
  /** Turns of the same tenant that wait already, counted up to `countUpTo`. */
  waiting: number;
}

/**
 * SQL that gives the next place of the tenant `$1`, if `from` has a row, and moves the tenant on. `tier`, as SQL over `from`, is its plan's,
 * which holds unless an operator has set one.
 */
export function nextPlace(from: string, tier: string): string {
  const now = 'CASE WHEN q.tier_pinned THEN q.tier ELSE excluded.tier END';
  return `INSERT INTO turn_queues AS q (tenant_id, tier, finish)
     SELECT $1::uuid, ${tier}, coalesce((SELECT at FROM turn_queue_clocks WHERE tier = ${tier}), 0) + 1 ${from}
     ON CONFLICT (tenant_id) DO UPDATE
       SET tier = ${now}, finish = greatest(CASE WHEN q.tier = ${now} THEN q.finish ELSE 0 END,
         coalesce((SELECT at FROM turn_queue_clocks c WHERE c.tier = ${now}), 0)) + 1 / q.weight
     RETURNING tier, finish - 1 / weight AS virtual_start`;
}

/** Gives the tenant's next place in its plan's tier, and moves the tenant on. Turns of one tenant are serialised here until the commit. */
export async function takePlace(tx: Transaction, tenantId: string, countUpTo: number, tier = 0): Promise<QueuePlace> {
  const place = await row<QueuePlace>(
    tx,
    `WITH place AS (${nextPlace('', '$3::int')})
     SELECT tier, virtual_start AS "virtualStart",
       (SELECT count(*)::int FROM (SELECT 1 FROM turns WHERE tenant_id = $1 AND state = 'queued' LIMIT $2) w) AS waiting FROM place`,
    [tenantId, countUpTo, tier],
  );
  if (place === undefined) throw new Error('the tenant has no place in the queue');
  return place;
}

/** Turns that had a place ended without being served: the tenant is not charged for them. */
export async function givePlacesBack(tx: Transaction, tenantId: string, count: number): Promise<void> {
  await changed(tx, 'UPDATE turn_queues SET finish = finish - $2::int / weight WHERE tenant_id = $1', [tenantId, count]);
}

/** A waiting turn as a replica sees it that looks for work: ids and its place, never content. */
export interface QueuedTurn {
  tenantId: string;
  id: string;
  attempt: number;
  route: string;
  tier: number;
  virtualStart: number;
}

/** For the system role: the turns that are next, without those of `fullRoutes` and those whose retry is not due. */
export function nextTurns(tx: Transaction, fullRoutes: string[], limit: number): Promise<QueuedTurn[]> {
  return rows<QueuedTurn>(
    tx,
    `SELECT tenant_id AS "tenantId", id, attempt, route, tier, virtual_start AS "virtualStart" FROM turns
     WHERE state = 'queued' AND (retry_at IS NULL OR retry_at <= now()) AND route <> ALL($1::text[]) ORDER BY ${order} LIMIT $2`,
    [fullRoutes, limit],
  );
}

/** For the system role: the clock of a tier has reached the start of a turn that is being served. */
export async function advanceClock(tx: Transaction, tier: number, at: number): Promise<void> {
  await changed(
    tx,
    `INSERT INTO turn_queue_clocks AS c (tier, at) VALUES ($1, $2)
     ON CONFLICT (tier) DO UPDATE SET at = excluded.at WHERE c.at < excluded.at`,
    [tier, at],
  );
}

/** A waiting turn and how many are before it. */
export interface QueuePosition {
  id: string;
  /** 1 is next. */
  position: number;
  route: string;
  /** Seconds until it may be tried again; 0 when it may now. */
  retryIn: number;
}

/** For the system role: where the turns stand that `owner` announces. Turns of a limited route stand in a line of their own. */
export function positionsOf(tx: Transaction, owner: string, limitedRoutes: string[]): Promise<QueuePosition[]> {
  return rows<QueuePosition>(
    tx,
    `SELECT id, position, route, "retryIn" FROM (
       SELECT id, owner, route, greatest(0, extract(epoch FROM retry_at - now()))::float8 AS "retryIn",
         row_number() OVER (PARTITION BY CASE WHEN route = ANY($2::text[]) THEN route END ORDER BY ${order})::int AS position
       FROM turns WHERE state = 'queued') q
     WHERE owner = $1`,
    [owner, limitedRoutes],
  );
}

/** How full the queue is. */
export interface QueueLevel {
  depth: number;
  /** Age of the oldest turn in seconds; 0 when the queue is empty. */
  oldestSeconds: number;
  /** Turns that were given up and wait for an operator. */
  givenUp: number;
}

/** For the system role: how full the queue is, over all tenants. */
export async function queueLevel(tx: Transaction): Promise<QueueLevel> {
  const level = await row<QueueLevel>(
    tx,
    `SELECT count(*)::int AS depth, coalesce(greatest(0, extract(epoch FROM now() - min(queued_at))), 0)::float8 AS "oldestSeconds",
       (SELECT count(*)::int FROM turns WHERE given_up_at IS NOT NULL) AS "givenUp"
     FROM turns WHERE state = 'queued'`,
  );
  return level ?? { depth: 0, oldestSeconds: 0, givenUp: 0 };
}

/** For the system role: waiting turns whose announcer is gone or has signed off. */
export function unannouncedTurns(
  tx: Transaction,
  gone: string[],
  limit: number,
): Promise<{ tenantId: string; id: string; attempt: number }[]> {
  return rows(
    tx,
    `SELECT tenant_id AS "tenantId", id, attempt FROM turns t WHERE state = 'queued'
       AND (owner IS NULL OR owner = ANY($1::uuid[]) OR NOT EXISTS (SELECT 1 FROM replicas r WHERE r.id = t.owner))
     ORDER BY ${order} LIMIT $2`,
    [gone, limit],
  );
}

/** Sets a tenant's place among the others. Takes effect for turns that are queued from now on; each tier has a clock of its own. */
export async function setQueueShare(tx: Transaction, tenantId: string, share: { tier: number; weight: number }): Promise<void> {
  await changed(
    tx,
    `INSERT INTO turn_queues (tenant_id, tier, weight, tier_pinned) VALUES ($1, $2, $3, true)
     ON CONFLICT (tenant_id) DO UPDATE SET tier = excluded.tier, weight = excluded.weight, tier_pinned = true,
       finish = CASE WHEN turn_queues.tier = excluded.tier THEN turn_queues.finish ELSE 0 END`,
    [tenantId, share.tier, share.weight],
  );
}
