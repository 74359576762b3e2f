import { expect, it } from 'vitest';
import { flushInterval, LoopLoad } from './flush-interval.ts';

it('an idle replica adds a few milliseconds, and batches grow with the turns and with the load', () => {
  expect(flushInterval(1, 0)).toBeLessThan(10);
  // A replica that is busy with something else is no reason to hold back the few.
  expect(flushInterval(1, 1)).toBeLessThan(10);
  expect(flushInterval(200, 0.3)).toBe(50);
  expect(flushInterval(200, 0.6)).toBeCloseTo(125);
  expect(flushInterval(200, 0.8)).toBe(200);
  expect(flushInterval(5_000, 1)).toBe(200);
});

it('the load is what the loop was busy since the last look, and one long step does not count whole', () => {
  let now = 0;
  let busy = 0;
  const look = (current?: unknown) => ({ idle: 0, active: 0, utilization: current === undefined ? 0 : busy });
  const load = new LoopLoad(look, () => now);
  expect(load.share()).toBe(0);
  busy = 1;
  now += 100;
  expect(load.share()).toBe(0);
  now += 500;
  expect(load.share()).toBe(0.5);
  now += 500;
  expect(load.share()).toBe(0.75);
  busy = 0;
  for (let second = 0; second < 10; second += 1) {
    now += 1_000;
    load.share();
  }
  expect(load.share()).toBeLessThan(0.01);
});
