import { takeLog } from '../take-log.ts';
import type { TurnRun } from '../turn-run.ts';
import type { TurnTools } from '../turn-tools.ts';
import { AnswerWriter } from './answer-writer.ts';
import { logSoFar } from './log-so-far.ts';

/**
 * Takes the turn's log. The first attempt of a turn that did not wait makes it; any other fences earlier ones off, continues
 * their numbers and finds what readers have been shown.
 */
export async function openLog(run: TurnRun, tools: TurnTools): Promise<void> {
  const { tenantId, turn, ids, key, deadlineAt } = run;
  const { log, producer } = await takeLog(
    {
      tenantId,
      turn,
      ids,
      key,
      deadlineAt,
      fresh: turn.attempt === 1 && !turn.queued,
      signal: run.abort.signal,
      ...(run.log === undefined ? {} : { log: run.log }),
      onLost: () => {
        run.cutReason = 'lost';
        run.abort.abort();
      },
    },
    tools,
  );
  // Numbers start anew: who reads the log that was within reach until now has to resume.
  if (run.log !== log) run.log?.break();
  run.log = log;
  run.producer = producer;
  const soFar = logSoFar(ids, log.chunks);
  run.writer = new AnswerWriter({ producer, attempt: turn.attempt, limit: tools.config.answerBytes }, soFar);
  // The readers of a turn that waited follow it in Redis already, wherever it runs and however often it is tried.
  if (!turn.queued) tools.streaming.logs.addProduced(log);
  if (soFar.opening.length > 0) producer.add(soFar.opening);
}
