import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { replaceClock } from '../../../kernel/clock.ts';
import { breakerDefaults } from './breaker.ts';
import { type CallOutcome, TargetHealth } from './target-health.ts';

let now = 1_000_000;
let restore: () => void;
beforeEach(() => (restore = replaceClock({ now: () => now })));
afterEach(() => restore());

const fresh = () => new TargetHealth('a', { ratio: 0.1, floorPerSecond: 1 }, 60_000, () => undefined);

/** As many calls as open a breaker, which end so at their deadline. */
function calls(health: TargetHealth, outcome: CallOutcome, deadlineMs: number, refused = false): void {
  for (let call = 0; call < breakerDefaults.inARow; call += 1) {
    const running = health.begin(health.breaker.enter(), now + deadlineMs);
    now += deadlineMs;
    running.ended(outcome, undefined, refused);
  }
}

describe('a time-out at the deadline of an answer', () => {
  it.each([
    [30_000, 'open'],
    [10_000, 'open'],
    [9_999, 'closed'],
  ])('after %i ms of silence, where headers may take a minute: %s', (deadlineMs, state) => {
    const health = fresh();
    calls(health, 'timeout', deadlineMs);
    // Before the first trial is due.
    expect(health.breaker.state).toBe(state);
  });
});

describe('a refusal of the model', () => {
  const afterTrial = (refused: boolean) => {
    const health = fresh();
    calls(health, 'server_error', 0);
    now += breakerDefaults.backoffMs;
    health.begin(health.breaker.enter(), now + 60_000).ended('invalid_request', undefined, refused);
    return health.breaker.state;
  };

  it('says nothing of a target that is tried, unlike one of the request', () => {
    expect([afterTrial(true), afterTrial(false)]).toEqual(['half_open', 'restoring']);
  });
});
