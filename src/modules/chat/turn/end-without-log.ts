import { toAppError } from '../../../platform/http/index.ts';
import type { TurnRow } from './turn.ts';
import { finishTurn, promoteNext, type TurnResult } from './turn-lifecycle.ts';
import type { TurnTools } from './turn-tools.ts';

/**
 * Ends a running turn as failed (`stopped` when its visitor wanted that) although it has no log in which its readers could be
 * told: those who wait are cut, and find the end in Postgres when they resume. Rejects when Postgres cannot be reached; the
 * turn is taken up again later then.
 */
export async function endWithoutLog(tools: TurnTools, tenantId: string, turn: TurnRow, error: unknown, stopped: boolean): Promise<void> {
  const { database, quota } = tools.storage;
  const result: TurnResult = {
    state: stopped ? 'stopped' : 'failed',
    model: null,
    usage: null,
    finishReason: null,
    errorCode: stopped ? null : toAppError(error).code,
  };
  await database.forTenant(tenantId, async (tx) => {
    if (!(await finishTurn(tx, tenantId, turn, result))) return;
    await promoteNext(tx, tenantId, turn.conversationId);
    await quota.settle(tx, tenantId, turn.id, { begun: turn.modelCalls > 1, answered: false });
  });
}
