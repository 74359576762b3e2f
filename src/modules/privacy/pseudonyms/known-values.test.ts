import { expect, test } from 'vitest';
import { KnownValues } from './known-values.ts';

const foundIn = (values: string[], text: string) => new KnownValues(values).in(text).map(({ start, end }) => text.slice(start, end));

test('values are found as words of their own, the longest first', () => {
  expect(foundIn(['Ann', 'Ann Lee', '+49 171'], 'Ann Lee, ann, Anna, JoAnn (Ann) +49 171!')).toEqual(['Ann Lee', 'Ann', '+49 171']);
  expect(foundIn(['Åsa Öberg'], '«Åsa Öberg» ÅÅsa Öberg, Åsa Öbergs')).toEqual(['Åsa Öberg']);
});

test('nothing is found of nothing, and of what is too short', () => {
  expect(foundIn([], 'Ann')).toEqual([]);
  expect(foundIn(['Al', ''], 'Al')).toEqual([]);
  expect(foundIn(['Ann'], '')).toEqual([]);
});

test('there is no limit to how many are known', () => {
  const values = Array.from({ length: 20_000 }, (_, at) => `u${at}@mail.example`);
  expect(foundIn(values, values.toReversed().join(' '))).toEqual(values.toReversed());
});
