import { expect, it } from 'vitest';
import { planFaults } from './schedule.ts';
import { SeededRandom } from './support/random.ts';

const plan = (seed: number, minutes: number) => planFaults(new SeededRandom(seed), { durationMs: minutes * 60_000, replicas: 3 });

it('plans the same faults for the same seed, and others for another', () => {
  expect(plan(1, 5)).toEqual(plan(1, 5));
  expect(plan(1, 5)).not.toEqual(plan(2, 5));
});

it('plans one fault every two to five seconds, and every kind of them where there is time', () => {
  const faults = plan(3, 3);
  const gaps = faults.slice(1).map(({ atMs }, at) => atMs - (faults[at]?.atMs ?? 0));
  expect(Math.min(...gaps)).toBeGreaterThanOrEqual(2_000);
  expect(Math.max(...gaps)).toBeLessThanOrEqual(5_000);
  expect(new Set(faults.map(({ kind }) => kind)).size).toBe(11);
});
