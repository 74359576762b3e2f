import { afterEach, expect, test } from 'vitest';
import { replaceClock } from '../../../kernel/clock.ts';
import { RecentValues } from './recent-values.ts';

let now = 0;
let restore = () => {};
afterEach(() => restore());

function recentValues(maxEntries = 10, maxAgeMs = 4_000) {
  now = 1_000_000;
  restore = replaceClock({ now: () => now });
  return new RecentValues<{ text: string }>({ maxEntries, maxAgeMs });
}

test('a value grows old, counted from the beginning of its look-up', async () => {
  const recent = recentValues();
  let loads = 0;
  const load = async () => {
    loads += 1;
    now += 3_000;
    return { text: String(loads) };
  };
  expect(await recent.get('a', load)).toEqual({ text: '1' });
  now += 999;
  expect(await recent.get('a', load)).toEqual({ text: '1' });
  now += 1;
  expect(await recent.get('a', load)).toEqual({ text: '2' });
});

test('parallel look-ups share one load, and undefined is not kept', async () => {
  const recent = recentValues();
  let loads = 0;
  const load = async () => {
    loads += 1;
    return undefined;
  };
  await Promise.all([recent.get('a', load), recent.get('a', load)]);
  expect(loads).toBe(1);
  await recent.get('a', load);
  expect(loads).toBe(2);
});

test('a load that was overtaken by a change is neither kept nor shared', async () => {
  const recent = recentValues();
  let finish = (_value: { text: string }) => {};
  const first = recent.get('a', () => new Promise((resolve) => (finish = resolve)));
  recent.forget(() => true);
  const second = await recent.get('a', async () => ({ text: 'new' }));
  finish({ text: 'old' });
  expect(await first).toEqual({ text: 'old' });
  expect(second).toEqual({ text: 'new' });
  expect(recent.peek('a')).toEqual({ text: 'new' });
});

test('a failed load is not remembered', async () => {
  const recent = recentValues();
  await expect(recent.get('a', () => Promise.reject(new Error('away')))).rejects.toThrow('away');
  expect(await recent.get('a', async () => ({ text: 'back' }))).toEqual({ text: 'back' });
});

test('the least recently used goes first', () => {
  const recent = recentValues(2);
  recent.keep('a', { text: 'a' });
  recent.keep('b', { text: 'b' });
  recent.peek('a');
  recent.keep('c', { text: 'c' });
  expect([recent.peek('a')?.text, recent.peek('b')?.text, recent.peek('c')?.text]).toEqual(['a', undefined, 'c']);
});
