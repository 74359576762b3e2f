import { describe, expect, it } from 'vitest';
import { estimateWaits, ServiceTime } from './wait-estimate.ts';

describe('the estimated wait', () => {
  it('is unknown while nothing was measured or nobody can serve', () => {
    expect(estimateWaits([1, 2], { slots: 4, serviceSeconds: undefined, ages: [] })).toEqual([undefined, undefined]);
    expect(estimateWaits([1], { slots: 0, serviceSeconds: 2, ages: [] })).toEqual([undefined]);
  });

  it('follows the turns that run: each end makes room for one', () => {
    const capacity = { slots: 2, serviceSeconds: 10, ages: [8, 1] };
    expect(estimateWaits([1, 2, 3, 4], capacity)).toEqual([2, 9, 12, 19]);
    expect(estimateWaits([4, 1], capacity)).toEqual([19, 2]);
  });

  it('expects a turn that runs too long to end soon', () => {
    expect(estimateWaits([1], { slots: 1, serviceSeconds: 10, ages: [50] })).toEqual([1]);
  });

  it('spreads what it cannot see, and goes on as a line for a long queue', () => {
    expect(estimateWaits([1, 2, 4], { slots: 4, serviceSeconds: 8, ages: [] })).toEqual([2, 4, 8]);
    const [far] = estimateWaits([10_000], { slots: 4, serviceSeconds: 8, ages: [] });
    expect(far).toBeCloseTo(20_000, -2);
  });

  it('measures a running mean', () => {
    const time = new ServiceTime();
    expect(time.seconds).toBeUndefined();
    for (const seconds of [2, 4]) time.add(seconds);
    expect(time.seconds).toBe(3);
    for (let turn = 0; turn < 100; turn += 1) time.add(10);
    expect(time.seconds).toBeCloseTo(10, 2);
  });
});
