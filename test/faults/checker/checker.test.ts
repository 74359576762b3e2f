import { describe, expect, it } from 'vitest';
import type { Evidence, Reading, ReaderEvent, SentMessage, ServedCall, StoredTurn } from '../support/history.ts';
import { wordsOf } from '../support/history.ts';
import { check } from './checker.ts';
import type { ViolationKind } from './violation.ts';

const key = 'Tax1';
const expected = wordsOf(key, 4);
const turnId = `turn_${'0'.repeat(26)}`;
const metadata = (epoch = 1) => ({ turn_id: turnId, epoch });

function chunk(sequence: number, body: { type: string } & Record<string, unknown>): ReaderEvent {
  return { at: sequence, type: 'chunk', sequence, chunk: body, json: JSON.stringify(body) };
}
const delta = (sequence: number, text: string) => chunk(sequence, { type: 'text-delta', id: 't', delta: text });
const finish = (sequence: number, finishReason = 'stop') =>
  chunk(sequence, {
    type: 'finish',
    finishReason,
    messageMetadata: { ...metadata(), status: finishReason === 'stop' ? 'complete' : finishReason },
  });
const start = (epoch = 1) => chunk(0, { type: 'start', messageMetadata: metadata(epoch) });
const acknowledged: ReaderEvent = { at: 0, type: 'acknowledged' };
const end: ReaderEvent = { at: 99, type: 'end' };
const cut: ReaderEvent = { at: 50, type: 'cut', why: 'closed' };

function reading(events: ReaderEvent[], more: Partial<Reading> = {}): Reading {
  return { kind: 'send', dialect: 'websocket', view: 0, through: 'replica', at: 0, events, ...more };
}

const whole = reading([acknowledged, start(), delta(1, `${key}_0 ${key}_1`), delta(2, ` ${key}_2 ${key}_3`), finish(3), end]);
const question = `${key} asks`;
const turn: StoredTurn = {
  tenant: 'a',
  id: 'turn-1',
  conversationId: 'c',
  state: 'completed',
  attempt: 1,
  modelCalls: 1,
  inputTokens: 7,
  outputTokens: 4,
  estimated: false,
  errorCode: null,
  question,
  answers: [{ text: expected, status: 'complete' }],
};
const call: ServedCall = {
  question,
  prompt: `[{"role":"user","content":"${question}"}]`,
  outcome: 'complete',
  promptTokens: 7,
  tokensServed: 4,
  reported: { prompt: 7, completion: 4 },
};

function kinds({ readings = [whole], stored = [turn], served = [call], messages = [] }: Partial<{ readings: Reading[] } & Evidence> = {}) {
  const message: SentMessage = { key, tenant: 'a', conversation: 'c', messageId: 'm', text: question, expected, readings };
  const { violations } = check({ messages: [message, ...messages], stored, served, limits: { attempts: 3, calls: 2 } });
  return [...new Set(violations.map(({ kind }) => kind))].sort();
}

describe('the checker is content', () => {
  it('with a plain answer', () => expect(kinds()).toEqual([]));

  it('with a resume that goes on, and one that replays', () => {
    const first = reading([acknowledged, start(), delta(1, `${key}_0 ${key}_1`), cut]);
    const rest = [delta(2, ` ${key}_2 ${key}_3`), finish(3), end];
    const goesOn = reading([acknowledged, ...rest], { kind: 'resume', after: { log: `${turnId}:1`, sequence: 1 } });
    expect(kinds({ readings: [first, goesOn] })).toEqual([]);
    expect(kinds({ readings: [first, reading(whole.events, { kind: 'resume' })] })).toEqual([]);
  });

  it('with a restart within the log, and with a new epoch', () => {
    const restarted = [acknowledged, start(), delta(1, `${key}_0`), chunk(2, { type: 'reset-step' }), delta(3, expected), finish(4), end];
    expect(kinds({ readings: [reading(restarted)] })).toEqual([]);
    const before = reading([acknowledged, start(), delta(1, `${key}_0 ${key}_1`), cut]);
    const after = reading([acknowledged, start(2), delta(1, expected), finish(2), end], {
      kind: 'resume',
      after: { log: 'x:1', sequence: 1 },
    });
    expect(kinds({ readings: [before, after] })).toEqual([]);
  });

  it('with a message that was never acknowledged and is gone, and with an answer that was cut and says so', () => {
    expect(kinds({ readings: [reading([cut])], stored: [], served: [] })).toEqual([]);
    const interrupted = { ...turn, state: 'interrupted', estimated: true, answers: [{ text: `${key}_0`, status: 'interrupted' }] };
    const shown = reading([acknowledged, start(), delta(1, `${key}_0`), finish(2, 'interrupted'), end]);
    expect(kinds({ readings: [shown], stored: [interrupted] })).toEqual([]);
  });
});

describe('the checker finds', () => {
  it.each<[string, Parameters<typeof kinds>[0], ViolationKind]>([
    ['an acknowledged message that is not there', { stored: [] }, 'lost'],
    ['an answer that is not there', { stored: [{ ...turn, answers: [] }] }, 'lost'],
    [
      'a conversation without a turn after an acknowledgement',
      { readings: [whole, reading([{ at: 1, type: 'no-active' } as const])] },
      'lost',
    ],
    ['a turn that never ends', { stored: [{ ...turn, state: 'running' }] }, 'unfinished'],
    ['a reader who never sees the end', { readings: [reading([acknowledged, start(), cut])] }, 'unfinished'],
    ['two turns for one message', { stored: [turn, { ...turn, id: 'turn-2' }] }, 'charged-twice'],
    ['two answers of one turn', { stored: [{ ...turn, answers: [...turn.answers, ...turn.answers] }] }, 'charged-twice'],
    ['usage that nobody has served', { stored: [{ ...turn, outputTokens: 8 }] }, 'charged-twice'],
    ['usage without a call', { served: [] }, 'charged-twice'],
    [
      'more calls than the limits allow',
      { served: Array.from({ length: 7 }, () => call), stored: [{ ...turn, modelCalls: 7 }] },
      'too-many-calls',
    ],
    ['calls that were not counted', { served: [call, call] }, 'too-many-calls'],
    [
      'a cut answer that is stored as complete',
      { stored: [{ ...turn, answers: [{ text: `${key}_0`, status: 'complete' }] }] },
      'false-complete',
    ],
    ['a stored answer with a gap', { stored: [{ ...turn, answers: [{ text: `${key}_0 ${key}_2`, status: 'complete' }] }] }, 'gap'],
    ['another tenant in a stored answer', { stored: [{ ...turn, answers: [{ text: 'Tbx9_0', status: 'complete' }] }] }, 'foreign'],
    ['another conversation in an answer', { readings: [reading([acknowledged, start(), delta(1, 'Tax2_0')])] }, 'foreign'],
    ['another tenant in a prompt', { served: [{ ...call, prompt: `${call.prompt} Tbx9_0` }] }, 'foreign'],
    ['a turn under another tenant', { stored: [{ ...turn, tenant: 'b' }] }, 'foreign'],
    ['an end that Postgres does not have', { stored: [{ ...turn, state: 'interrupted', estimated: true }] }, 'disagrees'],
    [
      'a conflict where there was none',
      { readings: [whole, reading([{ at: 1, type: 'refused', status: 409, text: 'x' } as const])] },
      'wrongly-refused',
    ],
    ['a question that does not open', { stored: [turn, { ...turn, id: 'turn-2', question: undefined }] }, 'lost'],
  ])('%s', (_, change, kind) => {
    expect(kinds(change)).toContain(kind);
  });

  it('other bytes under the same number of the same log, at another reader', () => {
    const other = whole.events.map((event) => (event.type === 'chunk' && event.sequence === 1 ? delta(1, `${key}_0  ${key}_1`) : event));
    expect(kinds({ readings: [whole, reading(other, { view: 1 })] })).toContain('changed');
  });

  it('a resume that leaves something out, or repeats it', () => {
    const first = reading([acknowledged, start(), delta(1, `${key}_0`), cut]);
    const resumed = (events: ReaderEvent[]) => reading(events, { kind: 'resume', after: { log: `${turnId}:1`, sequence: 1 } });
    expect(kinds({ readings: [first, resumed([delta(3, ` ${key}_2`)])] })).toContain('gap');
    expect(kinds({ readings: [first, resumed([delta(1, `${key}_0`), delta(2, ` ${key}_1`)])] })).toContain('repeated');
  });

  it('something after the end', () => {
    expect(kinds({ readings: [reading([...whole.events.slice(0, -1), delta(4, ' more')])] })).toContain('repeated');
  });
});
