import { clock } from '../../../kernel/clock.ts';
import { RollingCount } from './rolling-count.ts';

/** How a target stands. `half_open`: one call at a time tries it. `restoring`: it gets a growing share of the calls. */
export type BreakerState = 'closed' | 'open' | 'half_open' | 'restoring';

/** When a breaker opens, and how it closes again. */
export interface BreakerOptions {
  /** Failures in a row that open it. */
  inARow: number;
  /** Calls within `windowMs` from which on the share of failures counts, and the share that opens it. */
  atLeastCalls: number;
  failureShare: number;
  windowMs: number;
  /** First wait before a trial, in milliseconds; doubles with each failure, up to the cap, with full jitter (AWS, 2015). */
  backoffMs: number;
  backoffCapMs: number;
  /** Shares of the calls that a target gets on its way back. */
  shares: readonly number[];
  /** Successes in a row that lead to the next share. */
  successesPerShare: number;
}

/** The breaker of every target. */
export const breakerDefaults: BreakerOptions = {
  inARow: 5,
  atLeastCalls: 10,
  failureShare: 0.5,
  windowMs: 30_000,
  backoffMs: 1_000,
  backoffCapMs: 60_000,
  shares: [0.05, 0.25, 0.5],
  successesPerShare: 3,
};

/** Jitter never makes the wait shorter than this, in milliseconds. */
const leastWaitMs = 100;

/**
 * Calls at once that have no answer yet, for callers who have nowhere else to go, while it is open; on its way back four times as many
 * at each share. Whoever is being answered is not counted: long answers would keep the others out of a target that works again.
 */
const forcedAtOnce = 8;

/** A call that has passed a breaker; says once how it ended. */
export interface Passage {
  /** The answer begins. */
  answered(): void;
  succeeded(): void;
  failed(): void;
  /** It ended without saying anything of the target. */
  withdrawn(): void;
}

/** A circuit breaker for one target, as this replica sees it. */
export class Breaker {
  private current: Exclude<BreakerState, 'half_open'> = 'closed';
  /** Raised with each change, so that calls from before it say nothing about what came after. */
  private generation = 0;
  private openUntil = 0;
  private opened = 0;
  private trying = false;
  private stage = 0;
  private inARow = 0;
  private underWay = 0;
  private unanswered = 0;
  private readonly calls: RollingCount;
  private readonly failures: RollingCount;

  constructor(
    private readonly options: BreakerOptions = breakerDefaults,
    private readonly onChange: (state: BreakerState) => void = () => undefined,
    private readonly random: () => number = Math.random,
  ) {
    this.calls = new RollingCount(options.windowMs);
    this.failures = new RollingCount(options.windowMs);
  }

  get state(): BreakerState {
    return this.current === 'open' && clock.now() >= this.openUntil ? 'half_open' : this.current;
  }

  /** The part of the calls that it lets through where others can take the rest. */
  get share(): number {
    const { state } = this;
    if (state === 'restoring') return this.options.shares[this.stage] ?? 1;
    return state === 'closed' ? 1 : 0;
  }

  /** Calls that run. */
  get running(): number {
    return this.underWay;
  }

  /** Milliseconds until it is tried again; undefined unless it is open. */
  get tryAgainInMs(): number | undefined {
    return this.state === 'open' ? this.openUntil - clock.now() : undefined;
  }

  /** Whether a call may go to this target while others are there; on its way back only its share may. */
  admits(): boolean {
    const { state } = this;
    if (state === 'half_open') return !this.trying;
    return state === 'closed' || (state === 'restoring' && this.random() < this.share);
  }

  /**
   * Whether a caller who has nowhere else to go may call all the same: a try is better for them than a certain refusal (Envoy calls it
   * panic mode), but a few at once must do, or what has just come back would fall again.
   */
  admitsForced(): boolean {
    if (this.current === 'closed') return true;
    return this.unanswered < forcedAtOnce * (this.current === 'open' ? 1 : 4 ** (this.stage + 1));
  }

  /** A call begins. */
  enter(): Passage {
    this.underWay += 1;
    this.unanswered += 1;
    const { generation, state } = this;
    const tries = state === 'half_open' && !this.trying;
    if (tries) this.trying = true;
    let answered = false;
    let ended = false;
    const answer = () => {
      if (answered) return;
      answered = true;
      this.unanswered -= 1;
    };
    const end = (count: () => void) => {
      if (ended) return;
      ended = true;
      answer();
      this.underWay -= 1;
      if (generation !== this.generation) return;
      if (tries) this.trying = false;
      count();
    };
    return {
      answered: answer,
      succeeded: () => end(() => this.succeed()),
      failed: () => end(() => this.fail(tries)),
      withdrawn: () => end(() => undefined),
    };
  }

  private succeed(): void {
    this.inARow = this.current === 'restoring' ? this.inARow + 1 : 0;
    if (this.current === 'closed') return this.calls.add();
    if (this.current === 'open') return this.change('restoring', 0);
    if (this.inARow < this.options.successesPerShare) return;
    if (this.stage + 1 < this.options.shares.length) return this.change('restoring', this.stage + 1);
    this.opened = 0;
    this.calls.clear();
    this.failures.clear();
    this.change('closed', 0);
  }

  private fail(tried: boolean): void {
    if (this.current === 'restoring') return this.open();
    if (this.current === 'open') {
      // Who was forced through learns nothing new; a trial that failed makes the next one wait longer.
      if (tried) this.open();
      return;
    }
    this.calls.add();
    this.failures.add();
    this.inARow += 1;
    const calls = this.calls.sum();
    const mostFail = calls >= this.options.atLeastCalls && this.failures.sum() >= calls * this.options.failureShare;
    if (mostFail || this.inARow >= this.options.inARow) this.open();
  }

  private open(): void {
    const { backoffMs, backoffCapMs } = this.options;
    const wait = this.random() * Math.min(backoffCapMs, backoffMs * 2 ** this.opened);
    this.openUntil = clock.now() + Math.max(leastWaitMs, wait);
    this.opened = Math.min(this.opened + 1, 30);
    this.change('open', 0);
  }

  private change(state: typeof this.current, stage: number): void {
    const told = state !== this.current;
    this.current = state;
    this.stage = stage;
    this.generation += 1;
    this.trying = false;
    this.inARow = 0;
    if (told) this.onChange(state);
  }
}
