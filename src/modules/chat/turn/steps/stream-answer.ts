import { AppError } from '../../../../kernel/app-error.ts';
import { metrics } from '../../../../platform/telemetry/index.ts';
import { countTokens, ModelError, type ModelResult } from '../../../models/index.ts';
import { modelProblem } from '../../chat.errors.ts';
import { countModelCall } from '../turn-lifecycle.ts';
import { maxAttempts } from '../turn-limits.ts';
import { type Answer, TurnLost, type TurnRun } from '../turn-run.ts';
import type { TurnTools } from '../turn-tools.ts';
import { whileAvailable } from '../while-available.ts';

/** Streams the model's answer into the log. A failed call becomes an answer with a problem; only a lost turn throws. */
export async function streamAnswer(run: TurnRun, tools: TurnTools): Promise<void> {
  const { producer, prompt, turn } = run;
  if (producer === undefined || prompt === undefined) throw new Error('the log and the prompt come first');
  if (turn.attempt > maxAttempts) {
    run.answer = {
      text: '',
      finishReason: 'interrupted',
      usage: null,
      problem: new AppError('too_many_attempts', 500, 'The answer failed too often.'),
    };
    return;
  }
  // A part of its own for each attempt, so that a restart is another part than the one it takes back.
  const partId = `text-${turn.attempt}`;
  const text = new AnswerText(tools.config.answerBytes);
  let calls = 0;
  try {
    const result = await tools.models.stream(
      { ...prompt, endUser: turn.visitorId, signal: run.abort.signal, deadlineAt: run.deadlineAt },
      {
        onCall: async () => {
          calls += 1;
          // The claim has counted the first call.
          if (calls > 1 && !(await whileAvailable(run.deadlineAt, () => counted(run, tools)))) throw new TurnLost();
        },
        onText: (piece) => {
          const taken = text.add(piece);
          if (taken === '') return;
          if (text.pieces === 1) {
            metrics.firstChunkSeconds.observe((performance.now() - run.startedAt) / 1_000);
            producer.add([{ type: 'text-start', id: partId }]);
          }
          producer.addText(partId, taken);
          if (text.full) run.abort.abort();
        },
      },
    );
    run.answer = complete(text.value, result);
  } catch (error) {
    if (run.cutReason === 'lost' || run.cutReason === 'drain' || error instanceof TurnLost) throw new TurnLost();
    if (!(error instanceof ModelError)) throw error;
    run.answer = cut(run, text, error);
  }
  if (text.pieces > 0) producer.add([{ type: 'text-end', id: partId }]);
  run.answer.usage ??= { inputTokens: prompt.inputTokens, outputTokens: countTokens(text.value), estimated: true };
}

function complete(text: string, result: ModelResult): Answer {
  return {
    text,
    finishReason: result.finishReason === 'content_filter' ? 'content-filter' : result.finishReason,
    usage: result.usage === undefined ? null : { ...result.usage, estimated: false },
  };
}

function cut(run: TurnRun, text: AnswerText, error: ModelError): Answer {
  if (text.full) return { text: text.value, finishReason: 'length', usage: null };
  const stopped = run.cutReason === 'stop';
  return { text: text.value, finishReason: 'interrupted', usage: null, ...(stopped ? {} : { problem: modelProblem(error) }) };
}

function counted(run: TurnRun, tools: TurnTools): Promise<boolean> {
  const { tenantId, turn } = run;
  return tools.storage.database.forTenant(tenantId, (tx) => countModelCall(tx, tenantId, turn.id, turn.attempt));
}

/** The text of an answer as it grows, up to a length. */
class AnswerText {
  value = '';
  pieces = 0;
  full = false;

  constructor(private readonly limit: number) {}

  /** Takes a piece; gives the part of it that still fits. */
  add(piece: string): string {
    if (this.full) return '';
    let taken = piece.slice(0, this.limit - this.value.length);
    if (taken.length < piece.length) {
      this.full = true;
      // Never half of a surrogate pair.
      if ((taken.charCodeAt(taken.length - 1) & 0xfc00) === 0xd800) taken = taken.slice(0, -1);
    }
    this.value += taken;
    this.pieces += 1;
    return taken;
  }
}
