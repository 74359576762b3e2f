import { expect, test } from 'vitest';
import { hintOf, isKeyShaped, newKey } from './key-format.ts';

test('a new key has its prefix, a fixed length and a right checksum', () => {
  for (const [kind, mode, prefix] of [
    ['secret', 'live', 'sk_live_'],
    ['secret', 'test', 'sk_test_'],
    ['publishable', 'live', 'pk_live_'],
    ['publishable', 'test', 'pk_test_'],
  ] as const) {
    for (let i = 0; i < 50; i += 1) {
      const key = newKey(kind, mode);
      expect(key.startsWith(prefix)).toBe(true);
      expect(key).toHaveLength(prefix.length + 49);
      expect(isKeyShaped(key)).toBe(true);
    }
  }
});

test('no two keys are the same', () => {
  expect(new Set(Array.from({ length: 500 }, () => newKey('secret', 'live'))).size).toBe(500);
});

test('one changed character anywhere is noticed', () => {
  const key = newKey('secret', 'live');
  for (let i = 0; i < key.length; i += 1) {
    const other = key[i] === 'a' ? 'b' : 'a';
    expect(isKeyShaped(key.slice(0, i) + other + key.slice(i + 1))).toBe(false);
  }
});

test('a live key does not become a test key by its prefix', () => {
  const key = newKey('secret', 'live');
  expect(isKeyShaped(key.replace('sk_live_', 'sk_test_'))).toBe(false);
  expect(isKeyShaped(key.replace('sk_live_', 'pk_live_'))).toBe(false);
});

test('other texts are no keys', () => {
  const key = newKey('secret', 'live');
  for (const text of ['', 'sk_live_', `${key} `, `${key}\n`, ` ${key}`, key.slice(0, -1), `${key}0`, 'tkt_abc', key.toUpperCase()]) {
    expect(isKeyShaped(text)).toBe(false);
  }
});

test('the hint shows prefix and last four characters only', () => {
  const key = newKey('secret', 'test');
  expect(hintOf(key)).toBe(`sk_test_…${key.slice(-4)}`);
});
