/**
 * The one source of time. Code asks `clock` instead of `Date`, so that tests can hold time still.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
}

const systemClock: Clock = { now: () => Date.now() };
let current: Clock = systemClock;

/** The clock everybody reads. */
export const clock: Clock = { now: () => current.now() };

/** The current time as a Date. */
export function currentDate(): Date {
  return new Date(current.now());
}

/** Tests only: puts another clock in place and returns the function that restores the system's. */
export function replaceClock(replacement: Clock): () => void {
  current = replacement;
  return () => {
    current = systemClock;
  };
}
