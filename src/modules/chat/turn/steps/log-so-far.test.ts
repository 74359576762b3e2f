import { describe, expect, it } from 'vitest';
import { type Chunk, openingChunks, type TurnIds } from '../../stream/chunks.ts';
import { logSoFar } from './log-so-far.ts';

const ids: TurnIds = {
  tenantId: '019a0000-0000-7000-8000-000000000001',
  turnId: '019a0000-0000-7000-8000-000000000002',
  conversationId: '019a0000-0000-7000-8000-000000000003',
  answerMessageId: '019a0000-0000-7000-8000-000000000004',
  epoch: 1,
};
const [start, startStep] = openingChunks(ids) as [Chunk, Chunk];
const queued: Chunk = { type: 'data-queue', data: { position: 3 }, transient: true };
const textStart = (id: string): Chunk => ({ type: 'text-start', id });
const delta = (id: string, text: string): Chunk => ({ type: 'text-delta', id, delta: text });
const textEnd = (id: string): Chunk => ({ type: 'text-end', id });
const reset: Chunk = { type: 'reset-step' };

describe('an attempt goes on from a log that holds', () => {
  it.each<[string, Chunk[], ReturnType<typeof logSoFar>]>([
    ['nothing', [], { opening: [start, startStep], prefix: '', partId: undefined }],
    ['a start from the queue', [start], { opening: [startStep], prefix: '', partId: undefined }],
    ['places in the queue', [start, queued, queued], { opening: [startStep], prefix: '', partId: undefined }],
    ['an open step without text', [start, startStep], { opening: [], prefix: '', partId: undefined }],
    ['an open step after the queue', [start, queued, startStep], { opening: [], prefix: '', partId: undefined }],
    ['a part without text', [start, startStep, textStart('a')], { opening: [], prefix: '', partId: 'a' }],
    [
      'text, through half a word',
      [start, startStep, textStart('a'), delta('a', 'one tw'), delta('a', 'o thr')],
      { opening: [], prefix: 'one two thr', partId: 'a' },
    ],
    [
      'a part that was ended',
      [start, startStep, textStart('a'), delta('a', 'one'), textEnd('a')],
      { opening: [], prefix: 'one', partId: undefined },
    ],
    [
      'text that was taken back',
      [start, startStep, textStart('a'), delta('a', 'one'), reset],
      { opening: [], prefix: '', partId: undefined },
    ],
    [
      'text after a restart',
      [start, startStep, textStart('a'), delta('a', 'one'), reset, textStart('b'), delta('b', 'two')],
      { opening: [], prefix: 'two', partId: 'b' },
    ],
    [
      'two parts',
      [start, startStep, textStart('a'), delta('a', 'one '), textEnd('a'), textStart('b'), delta('b', 'two')],
      { opening: [], prefix: 'one two', partId: 'b' },
    ],
    [
      'half of a pair, which JSON keeps',
      [start, startStep, textStart('a'), delta('a', 'one \ud83d')],
      { opening: [], prefix: 'one \ud83d', partId: 'a' },
    ],
  ])('%s', (_what, chunks, expected) => {
    const found = logSoFar(
      ids,
      chunks.map((chunk) => JSON.stringify(chunk)),
    );
    expect(found).toEqual(expected);
  });
});
