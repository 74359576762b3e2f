import { describe, expect, it } from 'vitest';
import { type Candidate, chooseTarget } from './choose-target.ts';
import { madeTarget } from '../../../../test/support/made-target.ts';

const candidate = (name: string, over: Partial<Candidate> & { tier?: number; weight?: number } = {}): Candidate => {
  const { tier = 0, weight = 1, ...rest } = over;
  return { target: madeTarget(name, { tier, weight }), healthy: true, continues: true, fits: true, failures: 0, ...rest };
};
const chosen = (candidates: Candidate[], shown = false, random = 0.5) => chooseTarget(candidates, shown, random)?.target.name;

describe('who is asked next', () => {
  it.each<[string, Candidate[], string | undefined]>([
    ['the lowest tier', [candidate('b', { tier: 1 }), candidate('a')], 'a'],
    ['another tier before the same target again', [candidate('a', { failures: 1 }), candidate('b', { tier: 9 })], 'b'],
    ['the same again before one in trouble', [candidate('a', { failures: 1 }), candidate('b', { healthy: false })], 'a'],
    ['one in trouble before nobody', [candidate('b', { healthy: false })], 'b'],
    [
      'an untried one in trouble before a tried one',
      [candidate('a', { failures: 2, healthy: false }), candidate('b', { healthy: false })],
      'b',
    ],
    ['one that the prompt fits', [candidate('small', { fits: false }), candidate('big', { tier: 3 })], 'big'],
    ['a small window before nobody', [candidate('small', { fits: false })], 'small'],
    ['nobody when there is nobody', [], undefined],
  ])('%s', (_why, candidates, expected) => expect(chosen(candidates)).toBe(expected));

  it.each<[string, Candidate[], string]>([
    ['somebody who goes on', [candidate('a', { continues: false }), candidate('b', { tier: 4 })], 'b'],
    ['who broke off once, before a fresh start elsewhere', [candidate('a', { failures: 1 }), candidate('b', { continues: false })], 'a'],
    ['a fresh start elsewhere, when they broke off twice', [candidate('a', { failures: 2 }), candidate('b', { continues: false })], 'b'],
    ['a fresh start, before going on with one in trouble', [candidate('a', { healthy: false }), candidate('b', { continues: false })], 'b'],
  ])('with text shown: %s', (_why, candidates, expected) => expect(chosen(candidates, true)).toBe(expected));

  it('is shared out by weight', () => {
    const both = [candidate('a', { weight: 3 }), candidate('b')];
    const names = Array.from({ length: 100 }, (_, at) => chosen(both, false, at / 100));
    expect([names.filter((name) => name === 'a').length, names.filter((name) => name === 'b').length]).toEqual([75, 25]);
  });
});
