import { describe, expect, it } from 'vitest';
import type { TurnRow, TurnState } from './turn.ts';
import { type Ask, whichTurn } from './which-turn.ts';

const hello = Buffer.from('hello');
const other = Buffer.from('other');

function turn(id: string, over: Partial<TurnRow> = {}): TurnRow {
  return {
    id,
    conversationId: 'c',
    botId: 'b',
    visitorId: 'v',
    userMessageId: 'u',
    userPosition: 0,
    answerMessageId: `answer-${id}`,
    answerPosition: 1,
    replacedAnswerId: null,
    textDigest: hello,
    request: null,
    state: 'completed',
    attempt: 1,
    runs: 1,
    retries: 0,
    modelCalls: 1,
    route: 'demo',
    queued: false,
    epoch: 1,
    owner: null,
    model: null,
    inputTokens: null,
    outputTokens: null,
    usageEstimated: false,
    finishReason: null,
    errorCode: null,
    ...over,
  };
}

const submit = (over: Partial<Ask> = {}): Ask => ({
  trigger: 'submit-message',
  textDigest: hello,
  edit: false,
  answerId: undefined,
  ...over,
});
const regenerate = (over: Partial<Ask> = {}): Ask => ({ ...submit(over), trigger: 'regenerate-message' });

describe('P2: which turn a send means', () => {
  it('is a new one for a message that was never sent', () => {
    expect(whichTurn(submit(), [])).toEqual({ kind: 'new' });
    expect(whichTurn(regenerate(), [])).toEqual({ kind: 'new' });
  });

  it.each<TurnState>(['waiting', 'queued', 'running', 'completed', 'failed'])(
    'is the same one for a copy, while the turn is %s',
    (state) => {
      const first = turn('1', { state });
      expect(whichTurn(submit(), [first])).toEqual({ kind: 'join', turn: first });
    },
  );

  it('refuses other text under the same id', () => {
    expect(() => whichTurn(submit({ textDigest: other }), [turn('1')])).toThrow(
      expect.objectContaining({ code: 'message_conflict', status: 409 }),
    );
  });

  it('takes other text as an edit when the client says so, and joins a copy of the edit', () => {
    const first = turn('1');
    expect(whichTurn(submit({ textDigest: other, edit: true }), [first])).toEqual({ kind: 'edit', earlier: first });
    const edited = turn('2', { textDigest: other, replacedAnswerId: 'answer-1' });
    expect(whichTurn(submit({ textDigest: other, edit: true }), [first, edited])).toEqual({ kind: 'join', turn: edited });
  });

  it('joins the turn of the old text for a late copy of a send that was edited since', () => {
    const first = turn('1');
    const edited = turn('2', { textDigest: other, replacedAnswerId: 'answer-1' });
    expect(whichTurn(submit(), [first, edited])).toEqual({ kind: 'join', turn: first });
  });

  it('makes a new answer for a regenerate, and one only for its copies', () => {
    const first = turn('1');
    expect(whichTurn(regenerate(), [first])).toEqual({ kind: 'regenerate', earlier: first });
    const again = turn('2', { state: 'running', replacedAnswerId: 'answer-1' });
    expect(whichTurn(regenerate(), [first, again])).toEqual({ kind: 'join', turn: again });
    expect(whichTurn(regenerate({ answerId: 'answer-1' }), [first, { ...again, state: 'completed' }])).toMatchObject({
      kind: 'join',
      turn: { id: '2' },
    });
  });

  it('makes another answer once the regenerated one is finished', () => {
    const again = turn('2', { replacedAnswerId: 'answer-1' });
    expect(whichTurn(regenerate(), [turn('1'), again])).toEqual({ kind: 'regenerate', earlier: again });
  });

  it('refuses a regenerate of other text', () => {
    expect(() => whichTurn(regenerate({ textDigest: other }), [turn('1')])).toThrow(expect.objectContaining({ code: 'message_conflict' }));
  });
});
