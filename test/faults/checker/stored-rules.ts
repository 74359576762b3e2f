import { keyIn, type SentMessage, type ServedCall, type StoredTurn, wasAcknowledged } from '../support/history.ts';
import type { Shown } from './reading-rules.ts';
import { judgeText } from './text-rules.ts';
import type { Violation, ViolationKind } from './violation.ts';

const finalStates = new Set(['completed', 'interrupted', 'stopped', 'failed']);

/** Judges what Postgres holds of one message against what its readers and the model server have seen. */
export function judgeStored(message: SentMessage, turns: StoredTurn[], calls: ServedCall[], readers: Shown[]): Violation[] {
  const found: Violation[] = [];
  const report = (kind: ViolationKind, detail: string) => void found.push({ kind, key: message.key, detail });
  const [turn] = turns;
  if (turns.length > 1) report('charged-twice', `${turns.length} turns: ${turns.map(({ id, state }) => `${id} ${state}`).join(', ')}`);
  if (turn === undefined) {
    if (wasAcknowledged(message)) report('lost', 'acknowledged, and Postgres has no such message');
    return found;
  }
  if (turn.tenant !== message.tenant) report('foreign', `its turn ${turn.id} is stored under tenant ${turn.tenant}`);
  if (turn.answers.length > 1) report('charged-twice', `${turn.answers.length} answers in turn ${turn.id}`);
  if (!finalStates.has(turn.state)) report('unfinished', `turn ${turn.id} is ${turn.state}, attempt ${turn.attempt}`);
  else if (wasAcknowledged(message) && readers[0]?.ending === undefined)
    report('unfinished', `turn ${turn.id} is ${turn.state}, and its reader has not seen the end`);
  const answer = turn.answers[0];
  if (turn.state === 'completed' && answer === undefined) report('lost', `turn ${turn.id} is completed and has no answer`);
  if (answer !== undefined) {
    if (answer.text === undefined) report('lost', `the answer of turn ${turn.id} cannot be decrypted`);
    else {
      found.push(...judgeText(message, answer.text, 'stored'));
      if ((turn.state === 'completed' || answer.status === 'complete') && answer.text !== message.expected)
        report('false-complete', `turn ${turn.id} is ${turn.state} with ${answer.text.length} of ${message.expected.length} characters`);
    }
  }
  for (const shown of readers) found.push(...compare(message, turn, shown));
  return [...found, ...judgeUsage(message, turn, calls)];
}

/** What a reader was shown as the end is the end that Postgres has. */
function compare(message: SentMessage, turn: StoredTurn, shown: Shown): Violation[] {
  if (shown.ending === undefined) return [];
  const stored = turn.state === 'completed' ? 'complete' : turn.state === 'failed' ? 'failed' : 'interrupted';
  const text = turn.answers[0]?.text ?? '';
  if (shown.ending !== stored)
    return [{ kind: 'disagrees', key: message.key, detail: `shown as ${shown.ending}, stored as ${turn.state} (turn ${turn.id})` }];
  // What a failed answer has shown before its error is not kept.
  if (stored === 'failed' || shown.text === text) return [];
  const detail = `${shown.text.length} characters shown at the end, ${text.length} stored (turn ${turn.id})`;
  return [{ kind: 'disagrees', key: message.key, detail }];
}

/** Usage that is said to be exact is what the model server has served for this message, and not more. */
function judgeUsage(message: SentMessage, turn: StoredTurn, calls: ServedCall[]): Violation[] {
  if (turn.estimated || turn.outputTokens === null || turn.inputTokens === null) return [];
  const reports = calls.flatMap(({ reported }) => (reported === undefined ? [] : [reported]));
  const known = reports.some(({ prompt, completion }) => prompt === turn.inputTokens && completion === turn.outputTokens);
  const prompt = calls.reduce((total, call) => total + call.promptTokens, 0);
  const served = calls.reduce((total, call) => total + call.tokensServed, 0);
  if (known || (reports.length > 0 && turn.inputTokens <= prompt && turn.outputTokens <= served)) return [];
  const detail = `usage ${turn.inputTokens}/${turn.outputTokens} is recorded, and ${calls.length} calls served ${prompt}/${served}`;
  return [{ kind: 'charged-twice', key: message.key, detail }];
}

/** Judges the model calls of one message. */
export function judgeCalls(message: SentMessage, turns: StoredTurn[], calls: ServedCall[], most: number): Violation[] {
  const counted = turns.reduce((total, turn) => total + turn.modelCalls, 0);
  const found: Violation[] = [];
  if (calls.length > most)
    found.push({ kind: 'too-many-calls', key: message.key, detail: `${calls.length} model calls where ${most} are allowed` });
  if (turns.length > 0 && calls.length > counted)
    found.push({ kind: 'too-many-calls', key: message.key, detail: `${calls.length} model calls, ${counted} counted` });
  return found;
}

/** Turns and calls by the message that they are about; those of unknown messages under ''. */
export function byKey<T extends { question: string | undefined }>(items: T[]): Map<string, T[]> {
  return Map.groupBy(items, ({ question }) => (question === undefined ? '' : (keyIn(question) ?? '')));
}
