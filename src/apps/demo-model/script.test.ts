import { expect, test } from 'vitest';
import type { ChatMessage } from './messages.ts';
import { parseScript, ScriptQueue, takeDirectives, takeScript } from './script.ts';

const message = (role: ChatMessage['role'], text: string): ChatMessage => ({ role, text, attachments: 0 });

test('a directive is taken out of its text, also where its JSON holds brackets and quotes', () => {
  expect(takeDirectives('before [[demo: {"text":"a]] \\" } b"}]] after')).toEqual({
    text: 'before  after',
    directives: ['{"text":"a]] \\" } b"}'],
  });
  expect(takeDirectives('[[demo:{"headers":{"a":"b"}} ]]').directives).toEqual(['{"headers":{"a":"b"}}']);
  expect(takeDirectives('[[demo: what is this?').directives).toEqual([]);
});

test('the last directive of the last user message wins over a system message; older user messages do not count', () => {
  const taken = takeScript([
    message('system', 'Be kind. [[demo: {"tokens":1}]]'),
    message('user', '[[demo: {"tokens":2}]] old'),
    message('user', 'new [[demo: {"tokens":3}]][[demo: {"tokens":4}]]'),
  ]);
  expect(taken.user).toBe('{"tokens":4}');
  expect(taken.system).toBe('{"tokens":1}');
  expect(taken.messages.map((each) => each.text)).toEqual(['Be kind.', 'old', 'new']);
  expect(takeScript([message('user', '[[demo: {"tokens":2}]] old'), message('user', 'new')]).user).toBeUndefined();
});

test('what is no script is refused with its reason', () => {
  expect(() => parseScript('{"tokens":1,"colour":"red"}')).toThrow(/colour/);
  expect(() => parseScript('{"tokens":-1}')).toThrow(/tokens/);
  expect(() => parseScript('{')).toThrow(/not JSON/);
  expect(() => parseScript('{"headers":{"a":"b\\r\\nc: d"}}')).toThrow(/headers/);
  expect(() => takeDirectives('[[demo: {"tokens":1}')).toThrow(/not closed/);
});

test('the queue gives each script once, to the first request that fits', () => {
  const queue = new ScriptQueue();
  queue.add({ scripts: [{ tokens: 1 }, { tokens: 2 }], match: 'apple' });
  queue.add({ scripts: [{ status: 500 }], endpoint: 'embeddings' });
  queue.add({ scripts: [{ tokens: 3 }] });
  expect(queue.take('chat', 'an apple')).toEqual({ tokens: 1 });
  expect(queue.take('chat', 'a pear')).toEqual({ tokens: 3 });
  expect(queue.take('chat', 'a pear')).toBeUndefined();
  expect(queue.take('embeddings', 'a pear')).toEqual({ status: 500 });
  expect(queue.take('chat', 'an apple')).toEqual({ tokens: 2 });
  expect(() => queue.add({ scripts: [{ nonsense: 1 }] })).toThrow(/nonsense/);
});
