import { metrics } from '../../../../platform/telemetry/index.ts';
import { putBack } from '../turn-lifecycle.ts';
import type { TurnRun } from '../turn-run.ts';
import type { TurnTools } from '../turn-tools.ts';
import { whileAvailable } from '../while-available.ts';

/**
 * Puts a turn that waited for its place back into the queue when its model failed for a reason that may pass and readers have
 * been shown nothing: they have been told to wait, and wait a little longer. Tried as often as it may be, the turn ends as
 * failed and is kept for an operator. A turn that ran at once fails at once: its reader can decide.
 */
export async function tryLater(run: TurnRun, tools: TurnTools): Promise<void> {
  const { answer, turn, tenantId } = run;
  if (answer?.transient !== true || !turn.queued) return;
  const { maxRetries, retryDelayMs } = tools.retries;
  if (turn.retries >= maxRetries) {
    answer.givenUp = true;
    return;
  }
  const { database, quota } = tools.storage;
  const use = run.calls?.use();
  run.putBack = await whileAvailable(run.deadlineAt, () =>
    database.forTenant(tenantId, async (tx) => {
      const waits = await putBack(tx, tenantId, turn, retryDelayMs);
      // Its message counts on: it is still to be answered. What was reserved for a call that this attempt never made is given back.
      const begun = run.calls?.others ?? true;
      if (waits) await quota.settle(tx, tenantId, turn.id, { ...(use === undefined ? {} : { use }), begun, answered: true });
      return waits;
    }),
  );
  if (run.putBack) metrics.retriedTurns.inc();
  else {
    // It was asked to stop meanwhile; or it is somebody else's, which the end will find out.
    run.cutReason ??= 'stop';
    delete answer.problem;
  }
}
