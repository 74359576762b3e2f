import { rows, type Transaction } from '../../../platform/database/index.ts';
import type { TurnState } from './turn.ts';
import { maxAttempts } from './turn-limits.ts';

/** A turn as the sweeper sees it: ids, state and owner, never content. */
export interface SweptTurn {
  tenantId: string;
  id: string;
  attempt: number;
  route: string;
}

/** What a replica knows when it looks for turns to take up. */
export interface SweepView {
  /** This replica. */
  self: string;
  /** Replicas that it has watched standing still. */
  gone: string[];
  /** Turns that it holds; one that it owns but does not hold was dropped on the way. */
  held: string[];
}

/**
 * For the system role: running turns whose owner is gone or has signed off, that have passed their deadline, or that this
 * replica owns without knowing it (a commit whose answer was lost, a step that failed) for ten seconds. The last only for the
 * bounded number of runs: a turn that fails at once each time then waits for its deadline.
 */
export function orphanedTurns(tx: Transaction, view: SweepView, limit: number): Promise<SweptTurn[]> {
  return rows<SweptTurn>(
    tx,
    `SELECT tenant_id AS "tenantId", id, attempt, route FROM turns t
     WHERE finished_at IS NULL AND state = 'running' AND (
       deadline_at < now() OR owner = ANY($1::uuid[]) OR NOT EXISTS (SELECT 1 FROM replicas r WHERE r.id = t.owner)
       OR (owner = $2::uuid AND id <> ALL($3::uuid[]) AND started_at < now() - interval '10 seconds' AND runs - retries <= $4))
     ORDER BY created_at LIMIT $5`,
    [view.gone, view.self, view.held, maxAttempts, limit],
  );
}

/** For the system role: how the turns that run here stand in Postgres. A turn that is missing was deleted. */
export function ownTurns(tx: Transaction, ids: string[]) {
  return rows<{ id: string; attempt: number; state: TurnState; stopRequested: boolean }>(
    tx,
    `SELECT id, attempt, state, stop_requested_at IS NOT NULL AS "stopRequested" FROM turns WHERE id = ANY($1::uuid[])`,
    [ids],
  );
}
