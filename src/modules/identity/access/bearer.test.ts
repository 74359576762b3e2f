import { expect, test } from 'vitest';
import { bearerOf } from './bearer.ts';

const of = (authorization: string | undefined, rawHeaders: string[] = []) => bearerOf({ headers: { authorization }, rawHeaders });

test('the scheme is read in any case', () => {
  for (const scheme of ['Bearer', 'bearer', 'BEARER']) expect(of(`${scheme} sk_live_a1`)).toBe('sk_live_a1');
});

test('anything but one well-formed credential counts as none', () => {
  const malformed = [
    '',
    'Bearer',
    'Bearer ',
    'Basic abc',
    'Bearer a b',
    'Bearer a, Bearer b',
    'Bearera',
    ' Bearer a',
    'Bearer a\n',
    'Bearer\ta',
    'Bearer "a"',
  ];
  for (const header of [undefined, ...malformed]) expect(of(header)).toBeUndefined();
  expect(of(`Bearer ${'a'.repeat(5_000)}`)).toBeUndefined();
});

test('a header that came twice counts as none', () => {
  expect(of('Bearer a', ['Host', 'x', 'Authorization', 'Bearer a'])).toBe('a');
  expect(of('Bearer a', ['Authorization', 'Bearer a', 'authorization', 'Bearer b'])).toBeUndefined();
});
