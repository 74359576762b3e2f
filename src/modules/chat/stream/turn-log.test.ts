import { describe, expect, it } from 'vitest';
import { type ChunkSink, LogCursor, parseCursor, startAfter } from './log-cursor.ts';
import { TurnLog } from './turn-log.ts';

function reader(log: TurnLog, from = 0) {
  const seen: [number, string][] = [];
  const state = { ready: true, ended: 0, cut: 0, released: 0 };
  const sink: ChunkSink = {
    ready: () => state.ready,
    chunk: (sequence, json) => seen.push([sequence, json]),
    end: () => (state.ended += 1),
    cut: () => (state.cut += 1),
  };
  const cursor = new LogCursor({ log, release: () => (state.released += 1) }, from, sink);
  cursor.start();
  return { seen, state, cursor };
}

describe('P3: a reader sees each chunk once, in order, without a gap', () => {
  it('early, late and from the middle', () => {
    const log = new TurnLog('t', 1);
    const early = reader(log);
    log.extend(0, ['a', 'b'], false);
    const late = reader(log);
    const middle = reader(log, 1);
    log.extend(2, ['c'], true);
    expect(early.seen).toEqual([
      [0, 'a'],
      [1, 'b'],
      [2, 'c'],
    ]);
    expect(late.seen).toEqual(early.seen);
    expect(middle.seen).toEqual(early.seen.slice(1));
    expect([early, late, middle].map(({ state }) => [state.ended, state.released])).toEqual([
      [1, 1],
      [1, 1],
      [1, 1],
    ]);
  });

  it('drops what comes twice and refuses a gap', () => {
    const log = new TurnLog('t', 1);
    const { seen } = reader(log);
    expect(log.extend(0, ['a', 'b'], false)).toBe(true);
    expect(log.extend(0, ['a', 'b', 'c'], false)).toBe(true);
    expect(log.extend(1, ['b'], false)).toBe(true);
    expect(log.extend(5, ['f'], false)).toBe(false);
    expect(seen.map(([, json]) => json)).toEqual(['a', 'b', 'c']);
  });

  it('cuts its readers once when it breaks, and never ends them', () => {
    const log = new TurnLog('t', 1);
    const { seen, state } = reader(log);
    log.extend(0, ['a'], false);
    log.break();
    log.break();
    log.extend(1, ['b'], true);
    expect(seen).toEqual([[0, 'a']]);
    expect(state).toMatchObject({ cut: 1, ended: 0, released: 1 });
  });

  it('P9: waits for a slow reader without a copy, and then goes on where it was', () => {
    const log = new TurnLog('t', 1);
    const { seen, state, cursor } = reader(log);
    log.extend(0, ['a'], false);
    state.ready = false;
    log.extend(1, ['b', 'c'], true);
    expect(seen).toHaveLength(1);
    state.ready = true;
    cursor.resume();
    expect(seen.map(([sequence]) => sequence)).toEqual([0, 1, 2]);
    expect(state.ended).toBe(1);
  });
});

describe('a cursor', () => {
  const turnId = `turn_${'0'.repeat(26)}`;
  const log = { epoch: 2, next: 10, sealed: true };

  it('goes on after its sequence within the same turn and epoch', () => {
    expect(startAfter(parseCursor(`${turnId}:2:4`), log, turnId)).toBe(5);
    expect(startAfter(parseCursor(`${turnId}:2:9`), log, turnId)).toBe(10);
  });

  it('waits where a running log is behind its client', () => {
    expect(startAfter(parseCursor(`${turnId}:2:12`), { ...log, sealed: false }, turnId)).toBe(13);
  });

  it.each([undefined, '', '5', `${turnId}:1:4`, `${turnId}:2:99`, `turn_${'1'.repeat(26)}:2:4`, `${turnId}:2:-1`, `${turnId}:2:4:5`])(
    'that is %s replays from 0',
    (text) => {
      expect(startAfter(parseCursor(text), log, turnId)).toBe(0);
    },
  );
});
