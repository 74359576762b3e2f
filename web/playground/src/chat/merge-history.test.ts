import { describe, expect, it } from 'vitest';
import type { ChatMessage } from './chat-message.ts';
import { mergeHistory } from './merge-history.ts';

const question = (id: string, text: string): ChatMessage => ({ id, role: 'user', parts: [{ type: 'text', text }] });
const answer = (id: string, text: string): ChatMessage => ({ id, role: 'assistant', parts: [{ type: 'text', text }] });
const ids = (messages: ChatMessage[]) => messages.map((message) => message.id);

describe('mergeHistory', () => {
  it('takes the server’s texts and keeps the ids this page gave its questions', () => {
    const merged = mergeHistory([question('u1', 'hello'), answer('msg_2', 'part')], [question('msg_1', 'hello'), answer('msg_2', 'whole')]);
    expect(merged).toEqual([question('u1', 'hello'), answer('msg_2', 'whole')]);
  });

  it('knows a question again whose answer has come in the meantime', () => {
    const merged = mergeHistory([question('u1', 'hello')], [question('msg_1', 'hello'), answer('msg_2', 'hi')]);
    expect(ids(merged)).toEqual(['u1', 'msg_2']);
  });

  it('keeps a last question that the server has not got, even when it repeats the one before', () => {
    const local = [question('u1', 'hello'), answer('msg_2', 'hi'), question('u2', 'hello')];
    expect(ids(mergeHistory(local, [question('msg_1', 'hello'), answer('msg_2', 'hi')]))).toEqual(['u1', 'msg_2', 'u2']);
  });

  it('adds what another device has said', () => {
    const remote = [question('msg_1', 'hello'), answer('msg_2', 'hi'), question('msg_3', 'more'), answer('msg_4', 'yes')];
    expect(ids(mergeHistory([question('u1', 'hello'), answer('msg_2', 'hi')], remote))).toEqual(['u1', 'msg_2', 'msg_3', 'msg_4']);
  });

  it('shows the local copy when the server has nothing', () => {
    expect(ids(mergeHistory([question('u1', 'hello')], []))).toEqual(['u1']);
  });
});
