import { AppError } from '../../../../kernel/app-error.ts';
import { metrics } from '../../../../platform/telemetry/index.ts';
import { ModelError, type ModelResult } from '../../../models/index.ts';
import { modelProblem } from '../../chat.errors.ts';
import { maxAttempts } from '../turn-limits.ts';
import { type Answer, TurnLost, type TurnRun } from '../turn-run.ts';
import type { TurnTools } from '../turn-tools.ts';
import { blockedNotice, guardOf, withheldNotice } from './answer-guards.ts';
import type { AnswerWriter } from './answer-writer.ts';
import { ProviderCalls } from './provider-calls.ts';
import { UsageLedger } from './usage-ledger.ts';

/**
 * Streams the model's answer into the log, on from what an earlier attempt has shown where the model can. A failed call
 * becomes an answer with a problem; only a lost turn throws.
 */
export async function streamAnswer(run: TurnRun, tools: TurnTools): Promise<void> {
  const { writer, prompt, turn } = run;
  if (writer === undefined || prompt === undefined) throw new Error('the log and the prompt come first');
  const calls = new ProviderCalls(run, tools, new UsageLedger(prompt.inputTokens, run.ids.epoch !== turn.epoch));
  run.calls = calls;
  let answer: Answer;
  if (turn.runs - turn.retries > maxAttempts) answer = tooManyAttempts(writer);
  else if (writer.full) answer = { text: writer.text, finishReason: 'length', usage: null };
  else {
    try {
      const result = await callModel(run, tools, calls);
      answer = writer.full ? { text: writer.text, finishReason: 'length', usage: null } : complete(writer.text, result);
    } catch (error) {
      if (run.cutReason === 'lost' || run.cutReason === 'drain' || error instanceof TurnLost) throw new TurnLost();
      if (error instanceof Withheld) answer = { text: writer.text, finishReason: 'content-filter', usage: null };
      else if (error instanceof ModelError) answer = cut(run, writer, error);
      // A quota has no room for another call: what was shown stays.
      else if (error instanceof AppError) answer = { text: writer.text, finishReason: 'interrupted', usage: null, problem: error };
      else throw error;
    }
  }
  answer.usage = calls.total();
  run.answer = answer;
}

/** The answer gave its instructions away, or data that its bot must not show, and was cut before that. */
class Withheld extends Error {
  override name = 'Withheld';
}

async function callModel(run: TurnRun, tools: TurnTools, calls: ProviderCalls): Promise<ModelResult> {
  const { writer, prompt, turn, bot, marks, pseudonyms, masking } = run;
  const ready = writer !== undefined && prompt !== undefined && bot !== undefined;
  if (!ready || marks === undefined || pseudonyms === undefined || masking === undefined)
    throw new Error('the log and the prompt come first');
  let first = writer.text === '';
  const guard = guardOf(bot, marks);
  let restoring = pseudonyms.restoring();
  const withheldBy = () => guard.leak ?? (masking.blocked === undefined ? undefined : 'personal-data');
  const show = (text: string) => {
    if (text !== '') writer.add(text);
    if (first && text !== '') {
      first = false;
      metrics.firstChunkSeconds.observe((performance.now() - run.startedAt) / 1_000);
    }
    if (writer.full || withheldBy() !== undefined) run.abort.abort();
  };
  const streamed = tools.prompting.models.stream(
    { ...prompt, tenantId: run.tenantId, endUser: turn.visitorId, signal: run.abort.signal, deadlineAt: run.deadlineAt },
    {
      shown: () => pseudonyms.hideShown(writer.text),
      onCall: (planned) => {
        writer.beginCall();
        // What was held back was not shown: the model says it again.
        const shown = pseudonyms.hideShown(writer.text);
        restoring = pseudonyms.restoring();
        guard.resume(shown);
        masking.resume(shown);
        return calls.begin(planned);
      },
      onCallEnd: (ended) => calls.end(ended),
      // Guarded before anything is restored: placeholders are what the prompt had.
      onText: (piece) => show(restoring.push(masking.push(guard.push(piece)))),
      onRestart: () => {
        calls.close();
        writer.restart();
        calls.close();
      },
    },
  );
  const result = await streamed.catch((error: unknown) => {
    if (withheldBy() === undefined) throw error;
  });
  if (withheldBy() === undefined) show(restoring.push(masking.push(guard.end()) + masking.end()) + restoring.end());
  const by = withheldBy();
  if (by !== undefined) {
    metrics.withheldAnswers.inc({ by });
    writer.add(`${writer.text === '' ? '' : '\n\n'}${by === 'personal-data' ? blockedNotice : withheldNotice}`);
    throw new Withheld();
  }
  if (result === undefined) throw new Error('a call without an end');
  return result;
}

function complete(text: string, result: ModelResult): Answer {
  return { text, finishReason: result.finishReason === 'content_filter' ? 'content-filter' : result.finishReason, usage: null };
}

function cut(run: TurnRun, writer: AnswerWriter, error: ModelError): Answer {
  if (writer.full) return { text: writer.text, finishReason: 'length', usage: null };
  const ended = { text: writer.text, finishReason: 'interrupted' as const, usage: null };
  if (run.cutReason === 'stop') return ended;
  return { ...ended, problem: modelProblem(error), ...(error.transient && writer.text === '' ? { transient: true } : {}) };
}

function tooManyAttempts({ text }: AnswerWriter): Answer {
  return {
    text,
    finishReason: 'interrupted',
    usage: null,
    problem: new AppError('too_many_attempts', 500, 'The answer failed too often.'),
  };
}
