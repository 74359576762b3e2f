import { Injectable, Logger } from '@nestjs/common';
import { metrics, safeError } from '../../../platform/telemetry/index.ts';
import { type AppendOutcome, type AppendRequest, LogStore } from './log-store.ts';

/** Shortest time between two flushes, in milliseconds: what an idle replica adds to a chunk at most. */
const minIntervalMs = 8;
/** Longest time between two flushes under load, in milliseconds. */
const maxIntervalMs = 50;
/** Turns in one flush at which the interval has grown to its longest. */
const fullLoad = 200;
/** Wait after a failed round trip, in milliseconds. */
const retryMs = 250;

/** A producer as the flusher sees it. */
export interface Flushable {
  /** The next batch to write, always the same until its outcome is told; undefined when there is nothing to write. */
  nextBatch(): AppendRequest | undefined;
  /** What became of that batch. An Error: it may or may not have been written, so the same one must be offered again. The
   * producer asks for the next flush itself, where there is more to write. */
  settled(outcome: AppendOutcome): void;
}

/**
 * One flusher per replica writes the logs of all its turns: one batch and one append per turn and flush, all in one round
 * trip. The first chunk after a pause goes at once; under load batches grow, which makes each chunk cheaper.
 */
@Injectable()
export class LogFlusher {
  private readonly logger = new Logger(LogFlusher.name);
  private dirty = new Set<Flushable>();
  private timer: NodeJS.Timeout | undefined;
  private flushing = false;
  private intervalMs = minIntervalMs;
  private lastFlush = 0;
  private failing = false;

  constructor(private readonly store: LogStore) {}

  /** Says that a producer has something to write. */
  request(producer: Flushable): void {
    this.dirty.add(producer);
    this.schedule();
  }

  private schedule(): void {
    if (this.timer !== undefined || this.flushing || this.dirty.size === 0) return;
    const wait = this.failing ? retryMs : Math.max(0, this.lastFlush + this.intervalMs - performance.now());
    this.timer = setTimeout(() => {
      this.timer = undefined;
      void this.flush();
    }, wait);
  }

  private async flush(): Promise<void> {
    this.flushing = true;
    this.lastFlush = performance.now();
    const producers: Flushable[] = [];
    const batches: AppendRequest[] = [];
    for (const producer of this.dirty) {
      const batch = producer.nextBatch();
      if (batch === undefined) continue;
      producers.push(producer);
      batches.push(batch);
    }
    this.dirty = new Set();
    const outcomes = batches.length === 0 ? [] : await this.store.appendAll(batches);
    this.flushing = false;
    this.intervalMs = Math.min(maxIntervalMs, minIntervalMs + (maxIntervalMs - minIntervalMs) * (batches.length / fullLoad));
    this.noteFailures(outcomes);
    for (const [at, producer] of producers.entries()) {
      const outcome = outcomes[at] ?? new Error('no answer');
      metrics.logAppends.inc({ outcome: outcome instanceof Error ? 'error' : outcome });
      producer.settled(outcome);
    }
    this.schedule();
  }

  private noteFailures(outcomes: AppendOutcome[]): void {
    const failure = outcomes.find((outcome) => outcome instanceof Error);
    if (failure !== undefined && !this.failing)
      this.logger.warn({ error: safeError(failure) }, 'turn logs cannot be written; trying again');
    this.failing = failure !== undefined;
  }
}
