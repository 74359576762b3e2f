import { RollingCount } from './rolling-count.ts';

/** Over how long calls and their repetitions are set against each other, in milliseconds. */
const windowMs = 10_000;

/** Below this part of what is possible, the budget is low. */
const lowPart = 0.25;

/** How many repetitions a target has to bear. */
export interface RetryBudgetOptions {
  /** Repetitions for each first call. */
  ratio: number;
  /** Repetitions a second that are always possible: where there are few calls, a ratio of them is none. */
  floorPerSecond: number;
}

/**
 * Bounds repetitions to a part of the calls, so that a provider in trouble gets hardly more to do than without them: a bound per
 * answer alone would multiply the load by it (Finagle, `RetryBudget`; gRPC proposal A6, retry throttling).
 */
export class RetryBudget {
  private readonly calls = new RollingCount(windowMs);
  private readonly retries = new RollingCount(windowMs);

  constructor(private readonly options: RetryBudgetOptions) {}

  /** A call that is no repetition. */
  deposit(): void {
    this.calls.add();
  }

  /** Takes one repetition; false when none is left. */
  withdraw(): boolean {
    if (this.left() < 1) return false;
    this.retries.add();
    return true;
  }

  /** Repetitions that are possible now. */
  left(): number {
    return Math.max(0, Math.floor(this.possible()) - this.retries.sum());
  }

  /** True when it will soon be used up, if it goes on so. */
  get isLow(): boolean {
    return this.left() < this.possible() * lowPart;
  }

  private possible(): number {
    const { ratio, floorPerSecond } = this.options;
    return this.calls.sum() * ratio + (floorPerSecond * windowMs) / 1_000;
  }
}
