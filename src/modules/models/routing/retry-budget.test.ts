import { afterEach, beforeEach, expect, it } from 'vitest';
import { replaceClock } from '../../../kernel/clock.ts';
import { RetryBudget } from './retry-budget.ts';

let now: number;
let restore: () => void;
beforeEach(() => {
  now = 5_000;
  restore = replaceClock({ now: () => now });
});
afterEach(() => restore());

function taken(budget: RetryBudget): number {
  let count = 0;
  while (budget.withdraw()) count += 1;
  return count;
}

it('allows a part of the calls besides the floor, and then nothing', () => {
  const budget = new RetryBudget({ ratio: 0.2, floorPerSecond: 1 });
  for (let call = 0; call < 1_000; call += 1) budget.deposit();
  expect(taken(budget)).toBe(200 + 10);
  expect(budget.left()).toBe(0);
});

it('fills up again as time passes, and keeps nothing of calls long ago', () => {
  const budget = new RetryBudget({ ratio: 0.5, floorPerSecond: 0 });
  for (let call = 0; call < 10; call += 1) budget.deposit();
  expect(taken(budget)).toBe(5);
  now += 11_000;
  expect(taken(budget)).toBe(0);
  for (let call = 0; call < 4; call += 1) budget.deposit();
  expect(taken(budget)).toBe(2);
});

it('allows nothing where nothing is allowed', () => {
  const budget = new RetryBudget({ ratio: 0, floorPerSecond: 0 });
  budget.deposit();
  expect(budget.withdraw()).toBe(false);
});

it('is low before it is empty', () => {
  const budget = new RetryBudget({ ratio: 0, floorPerSecond: 1 });
  const low = Array.from({ length: 10 }, () => budget.withdraw() && budget.isLow);
  expect(low).toEqual([...Array.from({ length: 7 }, () => false), true, true, true]);
  now += 11_000;
  expect(budget.isLow).toBe(false);
});
