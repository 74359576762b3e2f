import { clock } from '../../../kernel/clock.ts';
import type { ModelFailure, ModelResult, ModelUsage } from '../model-provider.ts';
import { Breaker, type BreakerState, type Passage } from './breaker.ts';
import { RetryBudget, type RetryBudgetOptions } from './retry-budget.ts';

/** How a call ended. */
export type CallOutcome = ModelResult['finishReason'] | ModelFailure;

/** Failures that say something about the target. A limit that was reached does not: pacing deals with it. */
const faults: ReadonlySet<CallOutcome> = new Set(['timeout', 'unreachable', 'server_error', 'bad_response', 'truncated']);

/** Failures that say nothing about the target. */
const silent: ReadonlySet<CallOutcome> = new Set(['aborted', 'throttled', 'credential']);

/** A target that is silent for so long has had time enough, however short an answer's deadline is; in milliseconds. */
const longestPatienceMs = 10_000;

/** A timer may fire so much before the time that it was set to, in milliseconds. */
const earlyMs = 5;

/** Durations that are kept for the view. */
const kept = 128;

/** A call that was begun. */
export interface RunningCall {
  /** The first piece of text is there. */
  firstText(): void;
  /** It has ended; counts once. `refused`: the provider does not serve the model under this credential. */
  ended(outcome: CallOutcome, usage?: ModelUsage, refused?: boolean): void;
}

/** How one target has done, and whether it may be asked, as this replica sees it. */
export class TargetHealth {
  readonly budget: RetryBudget;
  readonly breaker: Breaker;
  readonly outcomes = new Map<CallOutcome, number>();
  readonly tokens = { input: 0, output: 0 };
  /** Calls that wait: for their share of the rate limits, or for a retry. */
  waiting = 0;
  calls = 0;
  private readonly durations: number[] = [];
  private readonly firstTexts: number[] = [];
  private readonly patienceMs: number;

  /** `headersTimeoutMs`: how long the target has for its first byte, where the deadline of an answer leaves as much. */
  constructor(
    readonly name: string,
    budget: RetryBudgetOptions,
    headersTimeoutMs: number,
    onChange: (state: BreakerState) => void,
  ) {
    this.patienceMs = Math.min(headersTimeoutMs, longestPatienceMs);
    this.budget = new RetryBudget(budget);
    this.breaker = new Breaker(undefined, onChange);
  }

  /**
   * A call begins that has passed the breaker. A time-out at its deadline (milliseconds since the epoch) says nothing of the target when it
   * was answering, or began so late that it had hardly any time.
   */
  begin(passage: Passage, deadlineAt: number): RunningCall {
    this.calls += 1;
    const startedAt = performance.now();
    let excused = deadlineAt - clock.now() < this.patienceMs;
    let running = true;
    return {
      firstText: () => {
        excused = true;
        passage.answered();
        keep(this.firstTexts, performance.now() - startedAt);
      },
      ended: (outcome, usage, refused = false) => {
        if (!running) return;
        running = false;
        const tooLate = excused && outcome === 'timeout' && clock.now() >= deadlineAt - earlyMs;
        if (tooLate || refused) passage.withdrawn();
        else judge(passage, outcome);
        this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
        keep(this.durations, performance.now() - startedAt);
        this.tokens.input += usage?.inputTokens ?? 0;
        this.tokens.output += usage?.outputTokens ?? 0;
      },
    };
  }

  /** Medians and 95th percentiles of the last calls, in milliseconds; null where there was none. */
  latency() {
    return { total: percentiles(this.durations), firstText: percentiles(this.firstTexts) };
  }
}

function judge(passage: Passage, outcome: CallOutcome): void {
  if (faults.has(outcome)) passage.failed();
  else if (silent.has(outcome)) passage.withdrawn();
  else passage.succeeded();
}

function keep(values: number[], value: number): void {
  values.push(value);
  if (values.length > kept) values.shift();
}

function percentiles(values: number[]): { p50: number; p95: number } | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const at = (part: number) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0);
  return { p50: at(0.5), p95: at(0.95) };
}
