import { expect, test } from 'vitest';
import { Pacer } from './pacer.ts';

test('runs each task once, in the order of their times and never early, beyond one turn of the wheel too', async () => {
  const pacer = new Pacer();
  const begun = performance.now();
  const ran: { ms: number; at: number }[] = [];
  await new Promise<void>((resolve) => {
    for (const ms of [2100, 0, 40, 13]) {
      pacer.after(ms, () => {
        ran.push({ ms, at: performance.now() - begun });
        if (ms === 2100) resolve();
      });
    }
  });
  expect(ran.map((each) => each.ms)).toEqual([0, 13, 40, 2100]);
  for (const { ms, at } of ran) expect(at).toBeGreaterThanOrEqual(ms);
  pacer.close();
});

test('forgets a task that is done, and starts again after a rest', async () => {
  const pacer = new Pacer();
  let ran = 0;
  pacer.after(5, () => ran++).done = true;
  await new Promise<void>((resolve) => pacer.after(20, resolve));
  expect(ran).toBe(0);
  await new Promise<void>((resolve) => setTimeout(resolve, 20));
  await new Promise<void>((resolve) => pacer.after(1, resolve));
  pacer.close();
});
