import { expect, test } from 'vitest';
import { Analyzer } from './analyzer.ts';
import type { Recognizer } from './recognizer.ts';
import { charactersAtOnce } from './turn-taking.ts';

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

test('a long text is read in pieces, and what lies across their ends is found whole and once', async () => {
  const key = `-----BEGIN PRIVATE KEY-----${'A'.repeat(15_000)}-----END PRIVATE KEY-----`;
  for (const value of ['(555) 123-4567', 'ada.lovelace@example.com', '4111 1111 1111 1111', key]) {
    for (const cut of [charactersAtOnce - 17_408, charactersAtOnce, 2 * (charactersAtOnce - 17_408)]) {
      for (const shift of [-200, -129, -128, -127, -30, -10, -1, 0, 1, 50, 128, 200]) {
        for (const at of [cut + shift, cut + shift - value.length]) {
          const text = `${'. '.repeat(at / 2)}${at % 2 === 0 ? '' : ' '}${value} ${'. '.repeat(70_000)}`;
          const found = await analyzer.analyzeInTurns(text, { kinds: ['PHONE_NUMBER', 'EMAIL_ADDRESS', 'CREDIT_CARD', 'SECRET'] });
          expect(found.map(({ start, end }) => [start, end])).toEqual([[at, at + value.length]]);
        }
      }
    }
  }
});

test('P9: others have their turn while a huge text is read', async () => {
  let turns = 0;
  const counting = setInterval(() => (turns += 1), 0);
  await analyzer.analyzeInTurns('call 0171 3920990, '.repeat(40_000), { kinds: ['PHONE_NUMBER'] });
  clearInterval(counting);
  expect(turns).toBeGreaterThanOrEqual(10);
});
