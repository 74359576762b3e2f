import { changed, row, rows, type Transaction } from '../../../platform/database/index.ts';
import { givePlacesBack, nextPlace } from '../queue/turn-order.ts';
import type { FinalState, TurnRow, TurnState } from './turn.ts';
import { maxAttempts } from './turn-limits.ts';
import { turnColumns } from './turn-rows.ts';
import { TurnLost } from './turn-run.ts';

/*
 * The state machine of a turn: compare-and-set functions that say whether they won. README.md draws it. The attempt is the
 * fencing token: it rises with every claim, and whoever holds an older one changes nothing.
 */

/** Locks a conversation until the end of the transaction, as a part of another statement. */
function lockConversation(id: string): string {
  return `SELECT 1 FROM conversations WHERE tenant_id = $1 AND id = ${id}::uuid FOR UPDATE`;
}

/**
 * Claims a turn that is queued, or whose owner is gone: `queued | running -> running`, attempt + 1. Undefined when somebody
 * else was faster.
 */
export function claimTurn(
  tx: Transaction,
  tenantId: string,
  claim: { id: string; seenAttempt: number; owner: string; deadlineMs: number },
): Promise<TurnRow | undefined> {
  return row<TurnRow>(
    tx,
    `UPDATE turns SET state = 'running', attempt = attempt + 1, runs = runs + 1, owner = $4, retry_at = NULL,
       model_calls = model_calls + CASE WHEN runs - retries < $6 THEN 1 ELSE 0 END,
       started_at = now(), deadline_at = now() + $5 * interval '1 millisecond'
     WHERE tenant_id = $1 AND id = $2 AND attempt = $3 AND state IN ('queued', 'running') RETURNING ${turnColumns}`,
    [tenantId, claim.id, claim.seenAttempt, claim.owner, claim.deadlineMs, maxAttempts],
  );
}

/** True while this attempt runs the turn, or announces it while it waits. */
export async function claimStands(tx: Transaction, tenantId: string, id: string, attempt: number): Promise<boolean> {
  const found = await row(tx, `SELECT 1 FROM turns WHERE tenant_id = $1 AND id = $2 AND attempt = $3 AND state IN ('queued', 'running')`, [
    tenantId,
    id,
    attempt,
  ]);
  return found !== undefined;
}

/** Holds a turn for the attempt that runs it, until the end of the transaction; false when it is somebody else's by now. */
export async function holdTurn(tx: Transaction, tenantId: string, id: string, attempt: number): Promise<boolean> {
  const sql = `SELECT 1 FROM turns WHERE tenant_id = $1 AND id = $2 AND attempt = $3 AND state = 'running' FOR NO KEY UPDATE`;
  return (await row(tx, sql, [tenantId, id, attempt])) !== undefined;
}

/** Counts one more model call of this attempt; false when the attempt is no longer the owner. */
export async function countModelCall(tx: Transaction, tenantId: string, id: string, attempt: number): Promise<boolean> {
  const updated = await changed(
    tx,
    `UPDATE turns SET model_calls = model_calls + 1 WHERE tenant_id = $1 AND id = $2 AND attempt = $3 AND state = 'running'`,
    [tenantId, id, attempt],
  );
  return updated > 0;
}

/** Begins a new epoch: the log was lost with its producer, and sequence numbers start anew. False when not the owner. */
export async function beginEpoch(tx: Transaction, tenantId: string, id: string, attempt: number, epoch: number): Promise<boolean> {
  const updated = await changed(
    tx,
    `UPDATE turns SET epoch = $4 WHERE tenant_id = $1 AND id = $2 AND attempt = $3 AND state IN ('queued', 'running')`,
    [tenantId, id, attempt, epoch],
  );
  return updated > 0;
}

/** What a finished turn is remembered by. */
export interface TurnResult {
  state: FinalState;
  model: string | null;
  usage: { inputTokens: number; outputTokens: number; estimated: boolean } | null;
  finishReason: string | null;
  errorCode: string | null;
  /** It was tried as often as it may be: an operator can try it again. */
  givenUp?: boolean;
}

const finishSql = `WITH locked AS (${lockConversation('$11')}), finished AS (
     UPDATE turns SET state = $4, model = $5, input_tokens = $6, output_tokens = $7, usage_estimated = $8, finish_reason = $9,
       error_code = $10, finished_at = now(), request = CASE WHEN $12 THEN request END,
       given_up_at = CASE WHEN $12 THEN now() END
     FROM locked WHERE turns.tenant_id = $1 AND turns.id = $2 AND turns.attempt = $3 AND turns.state = 'running' RETURNING 1)`;
/** Divides by zero, and so takes back what was sent with it, where nothing was finished. */
const finishOrFailSql = `${finishSql} SELECT 1 / count(*)::int FROM finished`;
const finishOrNotSql = `${finishSql} SELECT 1 FROM finished`;
const divisionByZero = '22012';

/** The turn that ends. */
type EndingTurn = Pick<TurnRow, 'id' | 'conversationId' | 'attempt'>;

/**
 * Ends a running turn; false when this attempt is no longer the owner, and then nothing may be written. Locks the
 * conversation first, as a commit does: otherwise a message that is just being committed as waiting would not be seen by
 * `promoteNext`, and nobody would ever come back for it.
 */
export async function finishTurn(tx: Transaction, tenantId: string, turn: EndingTurn, result: TurnResult): Promise<boolean> {
  return (await rows(tx, finishOrNotSql, endingValues(tenantId, turn, result))).length > 0;
}

/**
 * The same for a transaction of one trip, where nobody can look at the outcome before COMMIT: when this attempt is no longer the
 * owner, the statement itself fails, and Postgres takes everything back. Throws TurnLost then.
 */
export async function finishOrFail(tx: Transaction, tenantId: string, turn: EndingTurn, result: TurnResult): Promise<void> {
  try {
    await rows(tx, finishOrFailSql, endingValues(tenantId, turn, result));
  } catch (error) {
    if ((error as { code?: string }).code === divisionByZero) throw new TurnLost();
    throw error;
  }
}

function endingValues(tenantId: string, turn: EndingTurn, result: TurnResult): unknown[] {
  return [
    tenantId,
    turn.id,
    turn.attempt,
    result.state,
    result.model,
    result.usage?.inputTokens ?? null,
    result.usage?.outputTokens ?? null,
    result.usage?.estimated ?? false,
    result.finishReason,
    result.errorCode,
    turn.conversationId,
    result.givenUp ?? false,
  ];
}

/** Asks a running turn to stop, and ends one that waits. Gives its state afterwards and whether a call may have begun, undefined when it had ended. */
export async function requestStop(
  tx: Transaction,
  tenantId: string,
  turn: { id: string; conversationId: string },
): Promise<{ state: TurnState; begun: boolean } | undefined> {
  const updated = await row<{ state: TurnState; unserved: boolean; begun: boolean }>(
    tx,
    `WITH locked AS (${lockConversation('$3')})
     UPDATE turns SET stop_requested_at = coalesce(stop_requested_at, now()),
       state = CASE WHEN state = 'running' THEN state ELSE 'stopped' END,
       finished_at = CASE WHEN state = 'running' THEN NULL ELSE now() END,
       request = CASE WHEN state = 'running' THEN request ELSE NULL END
     FROM locked WHERE turns.tenant_id = $1 AND turns.id = $2 AND state IN ('waiting', 'queued', 'running')
     RETURNING state, (queued_at IS NOT NULL AND runs = 0) AS unserved, model_calls > 0 AS begun`,
    [tenantId, turn.id, turn.conversationId],
  );
  if (updated?.state === 'stopped' && updated.unserved) await givePlacesBack(tx, tenantId, 1);
  return updated;
}

/**
 * Ends what a new answer or an edited question replaces: the unfinished turns of a conversation from the question at
 * `position` on. Those that run are asked to stop, and what they have said by then counts as replaced; those that wait end at once; those that were
 * given up will not be tried again. Gives their ids, and which still run.
 */
export async function stopReplaced(
  tx: Transaction,
  tenantId: string,
  conversationId: string,
  position: number,
): Promise<{ id: string; running: boolean; begun: boolean }[]> {
  const stopped = await rows<{ id: string; running: boolean; unserved: boolean; begun: boolean }>(
    tx,
    `UPDATE turns SET replaced_at = now(), given_up_at = NULL, stop_requested_at = coalesce(stop_requested_at, now()),
       state = CASE WHEN state IN ('waiting', 'queued') THEN 'stopped' ELSE state END,
       finished_at = CASE WHEN state IN ('waiting', 'queued') THEN now() ELSE finished_at END,
       request = CASE WHEN state = 'running' THEN request END
     WHERE tenant_id = $1 AND conversation_id = $2 AND user_position >= $3
       AND (state IN ('waiting', 'queued', 'running') OR given_up_at IS NOT NULL)
     RETURNING id, state = 'running' AS running, (queued_at IS NOT NULL AND runs = 0) AS unserved, model_calls > 0 AS begun`,
    [tenantId, conversationId, position],
  );
  const unserved = stopped.filter((turn) => !turn.running && turn.unserved).length;
  if (unserved > 0) await givePlacesBack(tx, tenantId, unserved);
  return stopped;
}

const promoteSql = `WITH next AS (
     SELECT id, turns.tier FROM turns WHERE tenant_id = $1 AND conversation_id = $2 AND state = 'waiting'
       AND NOT EXISTS (SELECT 1 FROM turns u WHERE u.tenant_id = $1 AND u.conversation_id = $2 AND u.state IN ('queued', 'running'))
     ORDER BY answer_position LIMIT 1),
     place AS (${nextPlace('FROM next', 'next.tier')})
   UPDATE turns SET state = 'queued', owner = NULL, queued_at = now(), tier = place.tier, virtual_start = place.virtual_start
   FROM next, place WHERE turns.tenant_id = $1 AND turns.id = next.id AND turns.state = 'waiting'`;

/** Gives the conversation's next waiting turn its place in the queue, when no other is unfinished: `waiting -> queued`. */
export async function promoteNext(tx: Transaction, tenantId: string, conversationId: string): Promise<boolean> {
  return (await changed(tx, promoteSql, [tenantId, conversationId])) > 0;
}

/**
 * Puts a running turn back into the queue, where it keeps its place, to be tried again after `delayMs` milliseconds:
 * `running -> queued`. Doing it twice changes nothing. False when this attempt is not the owner, or was asked to stop.
 */
export async function putBack(
  tx: Transaction,
  tenantId: string,
  turn: { id: string; attempt: number; retries: number },
  delayMs: number,
): Promise<boolean> {
  const updated = await changed(
    tx,
    `UPDATE turns SET state = 'queued', retries = $5 + 1, retry_at = now() + $4 * interval '1 millisecond', deadline_at = NULL
     WHERE tenant_id = $1 AND id = $2 AND attempt = $3
       AND ((state = 'running' AND stop_requested_at IS NULL) OR (state = 'queued' AND retries = $5 + 1))`,
    [tenantId, turn.id, turn.attempt, delayMs, turn.retries],
  );
  return updated > 0;
}

/**
 * Lets go of a running turn, so that any replica may claim it at once; the run does not count. For a replica that drains. `untouched`: it has
 * neither begun a call nor reserved one, and so the one that its claim has counted does not count either. Once only. False when this attempt is not
 * the owner.
 */
export async function letGoOfTurn(
  tx: Transaction,
  tenantId: string,
  turn: { id: string; attempt: number },
  untouched: boolean,
): Promise<boolean> {
  const updated = await changed(
    tx,
    `UPDATE turns SET owner = NULL, runs = runs - 1,
       model_calls = model_calls - CASE WHEN $4::boolean AND runs - retries <= $5 THEN 1 ELSE 0 END
     WHERE tenant_id = $1 AND id = $2 AND attempt = $3 AND state = 'running' AND owner IS NOT NULL`,
    [tenantId, turn.id, turn.attempt, untouched, maxAttempts],
  );
  return updated > 0;
}

/** Takes over the announcing of a waiting turn from a replica that is gone: attempt + 1. Undefined when another was faster. */
export function announceTurn(
  tx: Transaction,
  tenantId: string,
  claim: { id: string; seenAttempt: number; owner: string },
): Promise<TurnRow | undefined> {
  return row<TurnRow>(
    tx,
    `UPDATE turns SET attempt = attempt + 1, owner = $4 WHERE tenant_id = $1 AND id = $2 AND attempt = $3 AND state = 'queued'
     RETURNING ${turnColumns}`,
    [tenantId, claim.id, claim.seenAttempt, claim.owner],
  );
}

/**
 * Queues a turn again that was given up: `failed -> queued`, or `waiting` behind another turn of its conversation. Its log
 * begins anew. Undefined when it is not one that was given up, or its question or answer was replaced since.
 */
export async function redrive(tx: Transaction, tenantId: string, id: string): Promise<{ conversationId: string } | undefined> {
  const turn = await row<{ conversationId: string }>(
    tx,
    `WITH given_up AS (SELECT conversation_id FROM turns WHERE tenant_id = $1 AND id = $2 AND given_up_at IS NOT NULL),
       locked AS (SELECT 1 FROM conversations WHERE tenant_id = $1 AND id = (SELECT conversation_id FROM given_up) FOR UPDATE)
     UPDATE turns SET state = 'waiting', given_up_at = NULL, error_code = NULL, finish_reason = NULL, finished_at = NULL,
       stop_requested_at = NULL, epoch = epoch + 1, runs = 0, retries = 0, retry_at = NULL, owner = NULL, deadline_at = NULL, started_at = NULL
     FROM locked WHERE turns.tenant_id = $1 AND turns.id = $2 AND given_up_at IS NOT NULL AND state = 'failed'
     RETURNING turns.conversation_id AS "conversationId"`,
    [tenantId, id],
  );
  if (turn !== undefined) await promoteNext(tx, tenantId, turn.conversationId);
  return turn;
}
