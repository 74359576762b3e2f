import { Injectable, Logger } from '@nestjs/common';
import { metrics, safeError } from '../../../platform/telemetry/index.ts';
import { flushInterval, LoopLoad } from './flush-interval.ts';
import { type AppendOutcome, type AppendRequest, LogStore } from './log-store.ts';

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
  /** Producers that do not wait for the interval. */
  private urgent = new Set<Flushable>();
  private immediate: NodeJS.Immediate | undefined;
  private timer: NodeJS.Timeout | undefined;
  private flushing = false;
  private readonly load = new LoopLoad();
  private intervalMs = flushInterval(0, 0);
  private lastFlush = 0;
  private failing = false;

  constructor(private readonly store: LogStore) {}

  /** Says that a producer has something to write; `urgent` writes it past the interval (the first words of an answer). */
  request(producer: Flushable, urgent = false): void {
    (urgent ? this.urgent : this.dirty).add(producer);
    this.schedule();
  }

  private schedule(): void {
    // Asked for with every piece of text: the usual answer is that the next flush is set already.
    if (this.flushing || (this.timer !== undefined && this.urgent.size === 0)) return;
    if (this.urgent.size > 0 && !this.failing) {
      this.immediate ??= setImmediate(() => {
        this.immediate = undefined;
        if (this.flushing) return;
        const { urgent } = this;
        this.urgent = new Set();
        // What is due goes along: first words that keep coming must not keep the others waiting.
        const due = performance.now() >= this.lastFlush + this.intervalMs ? new Set([...urgent, ...this.takeDirty()]) : urgent;
        void this.flush(due);
      });
      return;
    }
    for (const producer of this.urgent) this.dirty.add(producer);
    this.urgent.clear();
    if (this.timer !== undefined || this.dirty.size === 0) return;
    const wait = this.failing ? retryMs : Math.max(0, this.lastFlush + this.intervalMs - performance.now());
    this.timer = setTimeout(() => {
      this.timer = undefined;
      // One flush at a time: the one that is under way schedules the next.
      if (this.flushing) return;
      void this.flush(this.takeDirty());
    }, wait);
  }

  private takeDirty(): Set<Flushable> {
    const { dirty } = this;
    this.dirty = new Set();
    this.lastFlush = performance.now();
    this.intervalMs = flushInterval(dirty.size, this.load.share());
    return dirty;
  }

  private async flush(due: Set<Flushable>): Promise<void> {
    this.flushing = true;
    const producers: Flushable[] = [];
    const batches: AppendRequest[] = [];
    let outcomes: AppendOutcome[] = [];
    try {
      for (const producer of due) {
        const batch = producer.nextBatch();
        if (batch === undefined) continue;
        producers.push(producer);
        batches.push(batch);
      }
      if (batches.length > 0) outcomes = await this.store.appendAll(batches);
    } finally {
      this.flushing = false;
    }
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
