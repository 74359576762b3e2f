import { setTimeout as sleep } from 'node:timers/promises';
import { metrics } from '../../../../platform/telemetry/index.ts';
import { sealContent } from '../../../conversations/index.ts';
import { countTokens } from '../../../models/index.ts';
import { problemText } from '../../chat.errors.ts';
import { type Chunk, closingChunks } from '../../stream/chunks.ts';
import { type FinalState, isFinal, messageStatusOf } from '../turn.ts';
import { finishOrFail, promoteNext, type TurnResult } from '../turn-lifecycle.ts';
import { findTurn } from '../turn-rows.ts';
import { sealTimeoutMs } from '../turn-limits.ts';
import { type Answer, TurnLost, type TurnRun } from '../turn-run.ts';
import type { TurnTools } from '../turn-tools.ts';
import { whileAvailable } from '../while-available.ts';

/**
 * Ends the turn: answer, usage, settlement and the next turn's place in one transaction; only then the last chunks, so
 * that nobody is shown an end which Postgres does not know.
 */
export async function record(run: TurnRun, tools: TurnTools): Promise<void> {
  const { answer, producer, log } = run;
  if (answer === undefined || producer === undefined || log === undefined) throw new Error('the answer comes first');
  const result = resultOf(run, answer);
  run.result = result;
  // Without an end: the answer is there, and nothing is better than to keep it until Postgres is back.
  let unsure = false;
  await whileAvailable(Number.POSITIVE_INFINITY, async () => {
    try {
      await store(run, tools, answer, result);
      tools.storage.quota.announce(run.tenantId);
    } catch (error) {
      if (!(error instanceof TurnLost)) unsure = true;
      // A COMMIT whose answer was lost may have been done all the same, also long after it was sent.
      else if (unsure && (await endedByUs(run, tools))) return;
      throw error;
    }
  });
  metrics.turnsFinished.inc({ state: result.state });
  metrics.modelTokens.inc({ direction: 'input' }, answer.usage?.inputTokens ?? 0);
  metrics.modelTokens.inc({ direction: 'output' }, answer.usage?.outputTokens ?? 0);
  const sealed = producer.finish(lastChunks(run, answer, result)).then(
    () => true,
    () => false,
  );
  const late = sleep(sealTimeoutMs, false, { ref: false });
  if (!(await Promise.race([sealed, late]))) {
    // Redis does not come back: the readers resume, and find the answer in Postgres.
    producer.close();
    await tools.streaming.store.forget(run.tenantId, [run.turn.id]).catch(() => undefined);
    log.break();
  }
}

function resultOf(run: TurnRun, answer: Answer): TurnResult {
  return {
    state: stateOf(run, answer),
    model: run.calls?.use()?.model ?? run.prompt?.model ?? null,
    usage: answer.usage,
    finishReason: answer.finishReason,
    errorCode: answer.problem?.code ?? null,
    ...(answer.givenUp === true ? { givenUp: true } : {}),
  };
}

function stateOf(run: TurnRun, answer: Answer): FinalState {
  if (run.cutReason === 'stop' && answer.finishReason === 'interrupted') return 'stopped';
  if (answer.problem === undefined) return 'completed';
  return answer.text === '' ? 'failed' : 'interrupted';
}

async function store(run: TurnRun, tools: TurnTools, answer: Answer, result: TurnResult): Promise<void> {
  const { tenantId, turn, key } = run;
  const { database, messages, quota } = tools.storage;
  const use = run.calls?.use();
  // In one trip, COMMIT with it: for a turn that is no longer ours the first statement fails, and all is taken back.
  await database.atOnce(tenantId, async (tx) => {
    const finished = finishOrFail(tx, tenantId, turn, result);
    const written =
      (result.state === 'completed' || answer.text !== '') &&
      messages.insert(tx, tenantId, {
        id: turn.answerMessageId,
        conversationId: turn.conversationId,
        turnId: turn.id,
        role: 'assistant',
        position: turn.answerPosition,
        content: sealContent(key, turn.answerMessageId, [{ type: 'text', text: answer.text }]),
        tokens: tokensOf(answer),
        status: messageStatusOf[result.state],
      });
    const others = Promise.all([
      promoteNext(tx, tenantId, turn.conversationId),
      quota.settle(tx, tenantId, turn.id, {
        ...(use === undefined ? {} : { use }),
        begun: run.calls?.others ?? turn.modelCalls > 1,
        // A turn that was given up counts as long as it can be tried again.
        answered: result.state !== 'failed' || answer.text !== '' || result.givenUp === true,
      }),
      written,
    ]);
    others.catch(() => undefined);
    await finished;
    [run.promoted] = await others;
  });
}

/** True when the turn has ended under this very attempt: nobody but us can have ended it. */
async function endedByUs({ tenantId, turn }: TurnRun, tools: TurnTools): Promise<boolean> {
  const stored = await tools.storage.database.forTenant(tenantId, (tx) => findTurn(tx, tenantId, turn.id));
  return stored !== undefined && stored.attempt === turn.attempt && isFinal(stored.state);
}

/** Tokens of the answer as a later prompt will count them: several calls may have used more than it has. */
function tokensOf({ text, usage }: Answer): number {
  return usage === null || usage.estimated ? countTokens(text) : usage.outputTokens;
}

function lastChunks(run: TurnRun, answer: Answer, result: TurnResult): Chunk[] {
  const closing = run.writer?.closing(answer.text) ?? [];
  if (result.state === 'failed' && answer.problem !== undefined)
    return [...closing, { type: 'error', errorText: problemText(answer.problem) }];
  const usage = answer.usage;
  return [
    ...closing,
    ...closingChunks(run.ids, {
      finishReason: answer.finishReason,
      status: result.state === 'completed' ? 'complete' : result.state === 'stopped' ? 'stopped' : 'interrupted',
      model: result.model,
      usage: usage === null ? null : { input_tokens: usage.inputTokens, output_tokens: usage.outputTokens, estimated: usage.estimated },
    }),
  ];
}
