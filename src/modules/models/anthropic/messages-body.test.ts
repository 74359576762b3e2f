import { describe, expect, it } from 'vitest';
import type { ModelMessage, ModelRequest } from '../model-provider.ts';
import { messagesBodyOf } from './messages-body.ts';
import { withoutShownSpace } from './shown-space.ts';

const say = (role: ModelMessage['role'], content: string): ModelMessage => ({ role, content });

function bodyOf(messages: ModelMessage[], over: Partial<ModelRequest> = {}) {
  return messagesBodyOf({ model: 'claude', messages, maxOutputTokens: 9, signal: new AbortController().signal, deadlineAt: 0, ...over });
}

describe('the body of a call', () => {
  it('has the system messages apart, in their order, and the others as they are', () => {
    const body = bodyOf([
      say('system', 'Be kind.'),
      say('user', 'Hi'),
      say('assistant', 'Hello'),
      say('system', 'Be brief.'),
      say('user', 'So?'),
    ]);
    expect(body).toEqual({
      model: 'claude',
      max_tokens: 9,
      stream: true,
      system: 'Be kind.\n\nBe brief.',
      messages: [say('user', 'Hi'), say('assistant', 'Hello'), say('user', 'So?')],
    });
  });

  it('names the end user by the opaque id, and sends no sampling parameters: the API refuses them', () => {
    const body = bodyOf([say('user', 'Hi')], { endUser: 'u1', temperature: 0.2, topP: 0.5 });
    expect(body).toEqual({ model: 'claude', max_tokens: 9, stream: true, messages: [say('user', 'Hi')], metadata: { user_id: 'u1' } });
  });

  it('leaves out messages without text', () => {
    expect(bodyOf([say('system', ' '), say('user', 'Hi'), say('assistant', '\n'), say('user', 'Hi?')])).toMatchObject({
      messages: [say('user', 'Hi'), say('user', 'Hi?')],
    });
    expect(bodyOf([say('system', ' '), say('user', 'Hi')])).not.toHaveProperty('system');
  });

  it('begins with the user where history began with an answer', () => {
    const { messages } = bodyOf([say('assistant', 'Welcome!'), say('user', 'Hi')]);
    expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user']);
  });

  it.each([
    ['a b', 'a b'],
    ['a b \n', 'a b'],
  ])('goes on from %j as %j', (prefix, content) => {
    expect(bodyOf([say('user', 'Hi')], { prefix }).messages.at(-1)).toEqual(say('assistant', content));
  });

  it('has no last message of white space alone', () => {
    expect(bodyOf([say('user', 'Hi')], { prefix: ' \n' }).messages).toEqual([say('user', 'Hi')]);
  });
});

describe('white space that readers have already', () => {
  it.each<[string, string | undefined, string[], string]>([
    ['no prefix', undefined, [' a', ' b'], ' a b'],
    ['none at its end', 'x', [' a', ' b'], ' a b'],
    ['the same in one piece', 'x ', [' a', ' b'], 'a b'],
    ['the same in several pieces', 'x\n\n', ['\n', '\na', '\nb'], 'a\nb'],
    ['more than was shown', 'x\n', ['\n\na'], '\na'],
    ['less than was shown', 'x\n\n', ['\na'], 'a'],
    ['other than was shown', 'x ', ['\na'], '\na'],
    ['none again', 'x ', ['a'], 'a'],
  ])('with %s', (_what, prefix, pieces, expected) => {
    let text = '';
    const onText = withoutShownSpace(prefix, (piece) => {
      expect(piece).not.toBe('');
      text += piece;
    });
    for (const piece of pieces) onText(piece);
    expect(text).toBe(expected);
  });
});
