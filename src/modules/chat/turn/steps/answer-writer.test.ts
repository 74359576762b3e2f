import { describe, expect, it } from 'vitest';
import type { Chunk } from '../../stream/chunks.ts';
import type { LogProducer } from '../../stream/log-producer.ts';
import { AnswerWriter } from './answer-writer.ts';

/** A writer over a producer that keeps what it is given. */
function writerOver(found: { prefix?: string; partId?: string } = {}, limit = 1_000) {
  const log: Chunk[] = [];
  const producer = {
    add: (chunks: Chunk[]) => void log.push(...chunks),
    addText: (id: string, delta: string) => void log.push({ type: 'text-delta', id, delta }),
  } as LogProducer;
  const writer = new AnswerWriter({ producer, attempt: 2, limit }, { opening: [], prefix: found.prefix ?? '', partId: found.partId });
  return { log, writer };
}

const deltas = (log: Chunk[]) => log.flatMap((chunk) => (chunk.type === 'text-delta' ? [chunk.delta] : []));

describe('an answer', () => {
  it('begins a part of its own', () => {
    const { log, writer } = writerOver();
    writer.add('one');
    expect(log).toEqual([
      { type: 'text-start', id: 'text-2' },
      { type: 'text-delta', id: 'text-2', delta: 'one' },
    ]);
    expect(writer.closing('one')).toEqual([{ type: 'text-end', id: 'text-2' }]);
  });

  it('goes on in the part that is open', () => {
    const { log, writer } = writerOver({ prefix: 'one ', partId: 'text-1' });
    writer.add('two');
    expect(log).toEqual([{ type: 'text-delta', id: 'text-1', delta: 'two' }]);
    expect(writer.text).toBe('one two');
    expect(writer.closing('one two')).toEqual([{ type: 'text-end', id: 'text-1' }]);
  });

  it('begins a new part after one that was ended', () => {
    const { log, writer } = writerOver({ prefix: 'one ' });
    writer.add('two');
    expect(log[0]).toEqual({ type: 'text-start', id: 'text-2' });
    expect(writer.text).toBe('one two');
  });

  it('is taken back as a whole, and each beginning is another part', () => {
    const { log, writer } = writerOver({ prefix: 'one', partId: 'text-2' });
    writer.restart();
    writer.add('two');
    expect(log.slice(0, 2)).toEqual([{ type: 'reset-step' }, { type: 'text-start', id: 'text-2-1' }]);
    expect(writer.text).toBe('two');
  });

  it('that ends with nothing takes back what was shown', () => {
    const { writer } = writerOver({ prefix: 'one', partId: 'text-1' });
    expect(writer.closing('')).toEqual([{ type: 'reset-step' }]);
    expect(writerOver().writer.closing('')).toEqual([]);
  });

  it('never shows half of a surrogate pair', () => {
    const { log, writer } = writerOver();
    writer.add('a\ud83d');
    expect(deltas(log)).toEqual(['a']);
    writer.add('\ude42b');
    expect(deltas(log)).toEqual(['a', '🙂b']);
    writer.add('\ud83d');
    // A call that goes on says the whole character again.
    writer.beginCall();
    writer.add('🙂');
    expect(writer.text).toBe('a🙂b🙂');
  });

  it('ends at its longest, the prefix counted, and not inside a pair', () => {
    const { log, writer } = writerOver({ prefix: 'abc', partId: 'text-1' }, 6);
    writer.add('de🙂');
    expect([writer.text, writer.full]).toEqual(['abcde', true]);
    writer.add('f');
    expect(deltas(log)).toEqual(['de']);
    expect(writerOver({ prefix: 'abcdef' }, 6).writer.full).toBe(true);
  });
});
