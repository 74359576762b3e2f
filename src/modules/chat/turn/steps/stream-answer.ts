import { AppError } from '../../../../kernel/app-error.ts';
import { metrics } from '../../../../platform/telemetry/index.ts';
import { ModelError, type ModelResult, type ModelUsage } from '../../../models/index.ts';
import { modelProblem } from '../../chat.errors.ts';
import { countModelCall } from '../turn-lifecycle.ts';
import { maxAttempts } from '../turn-limits.ts';
import { type Answer, TurnLost, type TurnRun } from '../turn-run.ts';
import type { TurnTools } from '../turn-tools.ts';
import { whileAvailable } from '../while-available.ts';
import type { AnswerWriter } from './answer-writer.ts';
import { UsageLedger } from './usage-ledger.ts';

/**
 * Streams the model's answer into the log, on from what an earlier attempt has shown where the model can. A failed call
 * becomes an answer with a problem; only a lost turn throws.
 */
export async function streamAnswer(run: TurnRun, tools: TurnTools): Promise<void> {
  const { writer, prompt, turn } = run;
  if (writer === undefined || prompt === undefined) throw new Error('the log and the prompt come first');
  const calls = new Calls(run, tools, new UsageLedger(prompt.inputTokens, run.ids.epoch !== turn.epoch));
  let answer: Answer;
  let usage: ModelUsage | undefined;
  if (turn.runs - turn.retries > maxAttempts) answer = tooManyAttempts(writer);
  else if (writer.full) answer = { text: writer.text, finishReason: 'length', usage: null };
  else {
    try {
      const result = await callModel(run, tools, calls);
      ({ usage } = result);
      answer = complete(writer.text, result);
    } catch (error) {
      if (run.cutReason === 'lost' || run.cutReason === 'drain' || error instanceof TurnLost) throw new TurnLost();
      if (!(error instanceof ModelError)) throw error;
      answer = cut(run, writer, error);
    }
  }
  answer.usage = calls.end(usage);
  run.answer = answer;
}

function callModel(run: TurnRun, tools: TurnTools, calls: Calls): Promise<ModelResult> {
  const { writer, prompt, turn } = run;
  if (writer === undefined || prompt === undefined) throw new Error('the log and the prompt come first');
  let first = writer.text === '';
  return tools.models.stream(
    { ...prompt, endUser: turn.visitorId, signal: run.abort.signal, deadlineAt: run.deadlineAt },
    {
      shown: () => writer.text,
      onCall: () => {
        writer.beginCall();
        return calls.begin();
      },
      onCallEnd: () => undefined,
      onText: (piece) => {
        writer.add(piece);
        if (first) {
          first = false;
          metrics.firstChunkSeconds.observe((performance.now() - run.startedAt) / 1_000);
        }
        if (writer.full) run.abort.abort();
      },
      onRestart: () => {
        calls.close();
        writer.restart();
        calls.close();
      },
    },
  );
}

/** Counts the calls of one attempt in Postgres before they begin, and what they use. */
class Calls {
  private count = 0;
  private from = 0;

  constructor(
    private readonly run: TurnRun,
    private readonly tools: TurnTools,
    private readonly ledger: UsageLedger,
  ) {}

  /** Before each call. Throws TurnLost when another attempt owns the turn. */
  async begin(): Promise<void> {
    this.close();
    this.count += 1;
    // The claim has counted the first call.
    if (this.count === 1) return;
    const { tenantId, turn, deadlineAt } = this.run;
    const { database } = this.tools.storage;
    const counted = await whileAvailable(deadlineAt, () =>
      database.forTenant(tenantId, (tx) => countModelCall(tx, tenantId, turn.id, turn.attempt)),
    );
    if (!counted) throw new TurnLost();
  }

  /** What was shown so far came from calls that broke, of this attempt or an earlier one. */
  close(): void {
    const text = this.run.writer?.text ?? '';
    if (text.length > this.from) this.ledger.estimate(text.slice(0, this.from), text.slice(this.from));
    this.from = text.length;
  }

  /** Ends the last call, with the provider's count if there is one; gives what all calls have used. */
  end(reported: ModelUsage | undefined): Answer['usage'] {
    if (reported !== undefined) this.ledger.report(reported);
    else if (this.count > 0) {
      const text = this.run.writer?.text ?? '';
      this.ledger.estimate(text.slice(0, this.from), text.slice(this.from));
    } else this.close();
    return this.ledger.total();
  }
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
