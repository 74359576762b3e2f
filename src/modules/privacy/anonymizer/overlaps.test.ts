import { expect, test } from 'vitest';
import type { EntityKind } from './entity-kinds.ts';
import { withoutOverlaps } from './overlaps.ts';

/** Findings as their kind, words and confidence; words stand once in the text. */
function chosen(text: string, ...found: [EntityKind, string, number][]): [EntityKind, string][] {
  const spans = found.map(([kind, words, confidence]) => {
    const start = text.indexOf(words);
    return { kind, start, end: start + words.length, confidence, recognizer: 'test' };
  });
  return withoutOverlaps(spans, text).map(({ kind, start, end }) => [kind, text.slice(start, end)]);
}

test('of two findings of the same letters the surer one is taken', () => {
  expect(chosen('4111', ['PHONE_NUMBER', '4111', 0.5], ['CREDIT_CARD', '4111', 0.9])).toEqual([['CREDIT_CARD', '4111']]);
});

test('what a less sure finding has beside a surer one does not stay in clear', () => {
  expect(chosen('of Ann Lee, Berlin, Ohio', ['PERSON', 'Ann Lee, Berlin', 0.8], ['LOCATION', 'Berlin, Ohio', 0.6])).toEqual([
    ['PERSON', 'Ann Lee, Berlin'],
    ['LOCATION', 'Ohio'],
  ]);
});

test('a finding that surer ones lie in is cut around them', () => {
  expect(
    chosen(
      '12 Elm, a@b.io, Rye, 5551234, UK',
      ['LOCATION', '12 Elm, a@b.io, Rye, 5551234, UK', 0.42],
      ['EMAIL_ADDRESS', 'a@b.io', 0.95],
      ['PHONE_NUMBER', '5551234', 0.9],
    ),
  ).toEqual([
    ['LOCATION', '12 Elm'],
    ['EMAIL_ADDRESS', 'a@b.io'],
    ['LOCATION', 'Rye'],
    ['PHONE_NUMBER', '5551234'],
    ['LOCATION', 'UK'],
  ]);
});

test('single signs and punctuation are no rest', () => {
  expect(chosen('(a@b.io) x', ['PERSON', '(a@b.io) x', 0.5], ['EMAIL_ADDRESS', 'a@b.io', 0.95])).toEqual([['EMAIL_ADDRESS', 'a@b.io']]);
});
