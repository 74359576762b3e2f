import { afterEach, expect, it } from 'vitest';
import { replaceClock } from '../../../kernel/clock.ts';
import { Refusals } from './refusals.ts';

let restore = () => {};
afterEach(() => restore());

it('a burst of refusals is one, and each one after a rest doubles it', () => {
  let now = 1_000_000;
  restore = replaceClock({ now: () => now });
  const refusals = new Refusals();
  expect(refusals.add('a')).toBe(true);
  for (let more = 0; more < 20; more += 1) expect(refusals.add('a')).toBe(false);
  expect(refusals.isAtRest('b')).toBe(false);
  now += 4_999;
  expect(refusals.isAtRest('a')).toBe(true);
  now += 1;
  expect(refusals.isAtRest('a')).toBe(false);
  expect(refusals.add('a')).toBe(true);
  now += 9_999;
  expect(refusals.isAtRest('a')).toBe(true);
  refusals.forget('a');
  expect(refusals.isAtRest('a')).toBe(false);
});
