import { type Evidence, keyIn, type SentMessage, type ServedCall, wordPattern } from '../support/history.ts';
import { ReaderJudge, type Shown } from './reading-rules.ts';
import { byKey, judgeCalls, judgeStored } from './stored-rules.ts';
import type { Violation } from './violation.ts';

/** What the checker found. */
export interface Verdict {
  violations: Violation[];
  /** What each message's first reader was shown at the end, by key. */
  shown: Map<string, Shown>;
}

/**
 * Judges three independent witnesses against each other: what clients received, what the model served, what Postgres holds. It
 * shares no code with the server: what a chunk means is taken from the AI SDK, what is stored from the documented format.
 */
export function check(evidence: Evidence): Verdict {
  const turns = byKey(evidence.stored);
  const calls = byKey(evidence.served);
  const conversations = new Map(evidence.messages.map(({ key, conversation }) => [key, conversation]));
  const violations: Violation[] = [];
  const shown = new Map<string, Shown>();
  for (const message of evidence.messages) {
    const judged = judgeReaders(message);
    const own = { turns: turns.get(message.key) ?? [], calls: calls.get(message.key) ?? [] };
    if (judged.readers[0] !== undefined) shown.set(message.key, judged.readers[0]);
    violations.push(
      ...judged.violations,
      ...judgeStored(message, own.turns, own.calls, judged.readers),
      ...judgeCalls(message, own.turns, own.calls, evidence.limits.attempts * evidence.limits.calls),
      ...own.calls.flatMap((call) => judgePrompt(message, call, conversations)),
    );
  }
  for (const turn of turns.get('') ?? [])
    violations.push({ kind: 'lost', key: '', detail: `the question of turn ${turn.id} does not open, or is none that was sent` });
  return { violations: distinct(violations), shown };
}

/** Judges what a message's readers have received, without the other witnesses. */
export function judgeReaders(message: SentMessage): { violations: Violation[]; readers: Shown[] } {
  const logs = new Map<string, string[]>();
  const judges = new Map<number, ReaderJudge>();
  const refusals: Violation[] = [];
  let acknowledged = false;
  for (const reading of message.readings) {
    let judge = judges.get(reading.view);
    if (judge === undefined) judges.set(reading.view, (judge = new ReaderJudge(message, logs)));
    judge.read(reading);
    for (const event of reading.events) {
      if (event.type === 'acknowledged' && reading.kind === 'send') acknowledged = true;
      if (event.type === 'no-active' && acknowledged)
        refusals.push({ kind: 'lost', key: message.key, detail: 'acknowledged, and then the conversation had no turn' });
      // A retry or a resume of what was sent well is never the client's mistake.
      if (event.type === 'refused' && event.status >= 400 && event.status < 500 && event.status !== 429)
        refusals.push({ kind: 'wrongly-refused', key: message.key, detail: `${reading.kind} answered ${event.status}: ${event.text}` });
    }
  }
  const inOrder = [...judges].sort(([a], [b]) => a - b).map(([, judge]) => judge);
  for (const judge of inOrder) judge.settle();
  return { violations: [...inOrder.flatMap((judge) => judge.violations), ...refusals], readers: inOrder.map((judge) => judge.shown) };
}

/** One finding is told once, however often it was seen. */
function distinct(violations: Violation[]): Violation[] {
  return [...new Map(violations.map((violation) => [JSON.stringify(violation), violation])).values()];
}

/** No prompt carries words of another conversation. */
function judgePrompt(message: SentMessage, call: ServedCall, conversations: Map<string, string>): Violation[] {
  for (const [word, letter] of call.prompt.matchAll(wordPattern)) {
    const conversation = conversations.get(keyIn(word) ?? '');
    if (letter !== message.tenant || (conversation !== undefined && conversation !== message.conversation))
      return [{ kind: 'foreign', key: message.key, detail: `${word} in the prompt of its model call` }];
  }
  return [];
}
