import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { replaceClock } from '../../../kernel/clock.ts';
import { Breaker, breakerDefaults, type BreakerState } from './breaker.ts';

let now: number;
let restore: () => void;
beforeEach(() => {
  now = 1_000_000;
  restore = replaceClock({ now: () => now });
});
afterEach(() => restore());

function made(random = () => 0.5) {
  const told: BreakerState[] = [];
  return { breaker: new Breaker(breakerDefaults, (state) => void told.push(state), random), told };
}

function calls(breaker: Breaker, count: number, how: 'succeeded' | 'failed' | 'withdrawn'): void {
  for (let call = 0; call < count; call += 1) breaker.enter()[how]();
}

describe('a breaker', () => {
  it('opens after failures in a row, and not one sooner', () => {
    const { breaker, told } = made();
    calls(breaker, breakerDefaults.inARow - 1, 'failed');
    calls(breaker, 1, 'succeeded');
    calls(breaker, breakerDefaults.inARow - 1, 'failed');
    expect(breaker.state).toBe('closed');
    calls(breaker, 1, 'failed');
    expect([breaker.state, breaker.admits(), told]).toEqual(['open', false, ['open']]);
  });

  it('opens when half of enough calls fail, however they are mixed', () => {
    const { breaker } = made();
    for (let pair = 0; pair < 5; pair += 1) {
      expect(breaker.state).toBe('closed');
      calls(breaker, 1, 'succeeded');
      calls(breaker, 1, 'failed');
    }
    expect(breaker.state).toBe('open');
  });

  it('forgets failures that are long ago, and calls that say nothing', () => {
    const { breaker } = made();
    for (let round = 0; round < 5; round += 1) {
      calls(breaker, 3, 'failed');
      calls(breaker, 1, 'succeeded');
      calls(breaker, 50, 'withdrawn');
      now += breakerDefaults.windowMs * 1.1;
    }
    expect(breaker.state).toBe('closed');
  });

  it('lets one call at a time try it when the wait is over, which doubles with each failure', () => {
    const { breaker } = made();
    calls(breaker, 5, 'failed');
    for (const wait of [500, 1_000, 2_000]) {
      now += wait - 1;
      expect(breaker.admits()).toBe(false);
      now += 1;
      expect([breaker.state, breaker.admits()]).toEqual(['half_open', true]);
      const trial = breaker.enter();
      expect(breaker.admits()).toBe(false);
      trial.failed();
      expect(breaker.state).toBe('open');
    }
  });

  it('waits no longer than the cap, with full jitter', () => {
    const { breaker } = made(() => 0.999);
    calls(breaker, 5, 'failed');
    for (let trial = 0; trial < 40; trial += 1) {
      now += breakerDefaults.backoffCapMs;
      expect(breaker.state).toBe('half_open');
      calls(breaker, 1, 'failed');
    }
    const hasty = made(() => 0).breaker;
    calls(hasty, 5, 'failed');
    expect(hasty.tryAgainInMs).toBeLessThanOrEqual(100);
  });

  it('gives a growing share of the calls on the way back, and says so', () => {
    let random = 0;
    const { breaker, told } = made(() => random);
    calls(breaker, 5, 'failed');
    now += 1_000;
    calls(breaker, 1, 'succeeded');
    for (const share of [0.05, 0.25, 0.5]) {
      expect([breaker.state, breaker.share]).toEqual(['restoring', share]);
      random = share - 0.01;
      expect(breaker.admits()).toBe(true);
      random = share + 0.01;
      expect(breaker.admits()).toBe(false);
      calls(breaker, breakerDefaults.successesPerShare, 'succeeded');
    }
    expect([breaker.state, breaker.share, told]).toEqual(['closed', 1, ['open', 'restoring', 'closed']]);
  });

  it('is sent back by a failure on the way, for longer than before', () => {
    const { breaker } = made();
    calls(breaker, 5, 'failed');
    now += 500;
    calls(breaker, 1 + breakerDefaults.successesPerShare, 'succeeded');
    expect(breaker.share).toBe(0.25);
    calls(breaker, 1, 'failed');
    expect([breaker.state, breaker.tryAgainInMs]).toEqual(['open', 1_000]);
  });

  it('learns nothing from calls that began before it changed', () => {
    const { breaker } = made();
    const early = Array.from({ length: 10 }, () => breaker.enter());
    calls(breaker, 5, 'failed');
    now += 500;
    early[0]?.succeeded();
    expect(breaker.state).toBe('half_open');
    calls(breaker, 1, 'succeeded');
    for (const call of early) call.failed();
    expect([breaker.state, breaker.running]).toEqual(['restoring', 0]);
  });

  it('lets a few through who have nowhere else to go; their success is a trial’s, their failure nothing new', () => {
    const { breaker } = made();
    calls(breaker, 5, 'failed');
    const forced = Array.from({ length: 8 }, () => {
      expect(breaker.admitsForced()).toBe(true);
      return breaker.enter();
    });
    expect(breaker.admitsForced()).toBe(false);
    const wait = breaker.tryAgainInMs;
    forced[0]?.failed();
    expect([breaker.state, breaker.tryAgainInMs, breaker.admitsForced()]).toEqual(['open', wait, true]);
    forced[1]?.succeeded();
    expect(breaker.state).toBe('restoring');
  });
});
