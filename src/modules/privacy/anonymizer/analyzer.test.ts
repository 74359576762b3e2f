import { expect, test } from 'vitest';
import { Analyzer } from './analyzer.ts';
import type { Recognizer } from './recognizer.ts';

const analyzer = new Analyzer();
const kindsIn = (text: string, options = {}) =>
  analyzer.analyze(text, options).map(({ kind, start, end }) => [kind, text.slice(start, end)]);

test('offsets count UTF-16 code units', () => {
  const text = '👩‍🚀 Müller: a@b.io';
  const [span] = analyzer.analyze(text, { kinds: ['EMAIL_ADDRESS'] });
  expect(text.slice(span?.start, span?.end)).toBe('a@b.io');
});

test('one letter belongs to one finding, and a longer one holds a shorter', () => {
  expect(kindsIn('https://x.example.com/?mail=a@b.io')).toEqual([['URL', 'https://x.example.com/?mail=a@b.io']]);
});

test('a kind that is not asked for hides nothing', () => {
  expect(kindsIn('https://x.example.com/?mail=a@b.io', { kinds: ['EMAIL_ADDRESS'] })).toEqual([['EMAIL_ADDRESS', 'a@b.io']]);
});

test('the last word before a number says what it is', () => {
  expect(kindsIn('Phone: none. Order 5551234567')).toEqual([]);
  expect(kindsIn('Order: none. Phone 5551234567')).toEqual([['PHONE_NUMBER', '5551234567']]);
});

test('what is allowed is left alone, whatever its case', () => {
  expect(kindsIn('Write to Help@Acme.com', { allow: new Set(['help@acme.com']) })).toEqual([]);
});

test('custom recognizers are asked too', () => {
  const custom: Recognizer = {
    name: 'ticket',
    kinds: ['CUSTOM'],
    find: ({ text }) =>
      [...text.matchAll(/T-\d+/g)].map(({ 0: id, index }) => ({ kind: 'CUSTOM', start: index, end: index + id.length, confidence: 1 })),
  };
  expect(kindsIn('see T-17', { custom: [custom] })).toEqual([['CUSTOM', 'T-17']]);
});

test('empty and odd texts are nothing special', () => {
  const texts = ['', '\ud800', '\u0000', '@', '+', '(((((', '1'.repeat(5_000), '-'.repeat(5_000)];
  expect(texts.flatMap((text) => analyzer.analyze(text))).toEqual([]);
});
