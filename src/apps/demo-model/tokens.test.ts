import { expect, test } from 'vitest';
import { countTokens, limitPieces, numberedPieces, piecesOf, tokenize } from './tokens.ts';

test('tokens joined give the text back, whatever it holds', () => {
  for (const text of [
    '',
    ' ',
    'Hello, world!  \n',
    'naïve 漢字かな交じり文 🙂👩‍👩‍👧 \ud800 x',
    'a'.repeat(100),
    '  leading',
    'trailing \n\n',
  ]) {
    expect(tokenize(text).join('')).toBe(text);
    expect(countTokens(text)).toBe(tokenize(text).length);
  }
});

test('a token is a word with the space before it, a mark, or twelve letters of a long word', () => {
  expect(tokenize('Hello, big world.')).toEqual(['Hello', ',', ' big', ' world', '.']);
  expect(tokenize('a'.repeat(25))).toEqual(['a'.repeat(12), 'a'.repeat(12), 'a']);
});

test('numbered tokens are the tokens of their own text, and can be limited', () => {
  const pieces = numberedPieces(12);
  expect(pieces.text(12)).toBe('t0 t1 t2 t3 t4 t5 t6 t7 t8 t9 t10 t11');
  expect(piecesOf(pieces.text(12)).count).toBe(12);
  expect(limitPieces(pieces, 2).text(12)).toBe('t0 t1');
  expect(limitPieces(pieces, 20).count).toBe(12);
});
