import { setTimeout as sleep } from 'node:timers/promises';
import type { Chunk } from './chunks.ts';
import type { LogCipher } from './log-cipher.ts';
import type { Flushable, LogFlusher } from './log-flusher.ts';
import type { AppendOutcome, AppendRequest, LogStore } from './log-store.ts';
import type { TurnLog } from './turn-log.ts';

/** Wait between two tries to bring a lost log back, in milliseconds. */
const recoverMs = 250;

/** Which claim a producer writes under. */
export interface Claim {
  tenantId: string;
  turnId: string;
  attempt: number;
}

/** What a producer needs from around it. */
export interface ProducerContext {
  claim: Claim;
  log: TurnLog;
  cipher: LogCipher;
  store: LogStore;
  flusher: LogFlusher;
  /** Lives of the log in Redis, in milliseconds: while it runs, and after its end. */
  ttl: { runningMs: number; graceMs: number };
  /** Asks Postgres whether the claim still stands. Rejects while Postgres is away. */
  claimStands: () => Promise<boolean>;
  /** Another attempt owns the turn: stop at once. */
  onLost: () => void;
  /** A log that is just being made: nothing is written before. 'stale': another attempt owns the turn. */
  making?: Promise<'ok' | 'stale'>;
}

interface Batch {
  request: AppendRequest;
  chunks: string[];
}

/**
 * Writes one attempt's part of a turn's log. Text is gathered until the next flush and becomes one chunk; a batch reaches
 * local readers only when Redis has it, so nobody has seen what a take-over would not find. Where each batch ends is kept until
 * the end, so that the log can be written again after a flush of Redis: the same chunks under the same number are the same bytes.
 */
export class LogProducer implements Flushable {
  /** First numbers of the batches that were written. */
  private readonly written: number[] = [];
  private inFlight: Batch | undefined;
  private pending: string[] = [];
  private text = '';
  private textId = '';
  private last = false;
  private closed = false;
  /** Nothing can be written: the log is being made, or brought back. */
  private withoutLog = false;
  private nextSequence: number;
  /** Monotonic milliseconds of the batch that last renewed the log's time to live. */
  private renewedAt = Number.NEGATIVE_INFINITY;
  private readonly sealed = Promise.withResolvers<void>();

  /** `already`: first numbers of the batches that the log holds from before (a take-over). */
  constructor(
    private readonly context: ProducerContext,
    already: number[] = [],
  ) {
    this.written.push(...already);
    this.nextSequence = context.log.next;
    this.sealed.promise.catch(() => undefined);
    if (context.making !== undefined) void this.awaitLog(context.making);
  }

  /** Adds text to the part `id`. The first text of a part is written at once: somebody waits for it. */
  addText(id: string, delta: string): void {
    if (this.closed) return;
    const first = id !== this.textId;
    if (first) this.endText();
    this.textId = id;
    this.text += delta;
    this.context.flusher.request(this, first);
  }

  /** Adds chunks after the text so far. */
  add(chunks: Chunk[]): void {
    if (this.closed) return;
    this.endText();
    for (const chunk of chunks) this.pending.push(JSON.stringify(chunk));
    this.context.flusher.request(this);
  }

  /** Adds the last chunks and seals the log. Resolves when Redis has it all; rejects when that fails for good. */
  finish(chunks: Chunk[]): Promise<void> {
    this.add(chunks);
    this.last = true;
    return this.sealed.promise;
  }

  /** Writes no more, whatever is pending. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.sealed.reject(new Error('the log was closed before its end'));
  }

  nextBatch(): AppendRequest | undefined {
    if (this.closed || this.withoutLog) return undefined;
    if (this.inFlight === undefined) this.inFlight = this.makeBatch();
    return this.inFlight?.request;
  }

  settled(outcome: AppendOutcome): void {
    if (this.closed) return;
    if (outcome === 'ok') this.accepted();
    else if (outcome instanceof Error) this.context.flusher.request(this);
    else void this.recover();
  }

  private accepted(): void {
    const batch = this.inFlight;
    if (batch === undefined) return;
    this.inFlight = undefined;
    this.written.push(batch.request.first);
    this.context.log.extend(batch.request.first, batch.chunks, batch.request.last);
    if (batch.request.last) {
      this.closed = true;
      this.sealed.resolve();
    } else if (this.pending.length > 0 || this.text !== '' || this.last) this.context.flusher.request(this);
  }

  private async awaitLog(making: Promise<'ok' | 'stale'>): Promise<void> {
    this.withoutLog = true;
    // While Redis is away the first append will find the log missing and bring it back.
    const made = await making.catch(() => 'ok');
    this.withoutLog = false;
    if (this.closed) return;
    if (made === 'stale') this.lost();
    else this.context.flusher.request(this, true);
  }

  private lost(): void {
    this.close();
    this.context.onLost();
  }

  /**
   * Redis has lost the log, or believes in another attempt (it may have been restored): if the claim still stands, write it
   * again from memory with the same numbers and bytes.
   */
  private async recover(): Promise<void> {
    const { claim, store, log, ttl } = this.context;
    this.withoutLog = true;
    while (!this.closed) {
      try {
        if (!(await this.context.claimStands())) return this.lost();
        const { tenantId, turnId, attempt } = claim;
        if ((await store.create(tenantId, turnId, { attempt, epoch: log.epoch }, ttl.runningMs, log.next)) === 'stale') return this.lost();
        const outcomes = this.written.length === 0 ? [] : await store.appendAll(this.writtenAgain());
        if (outcomes.every((outcome) => outcome === 'ok')) break;
      } catch {
        // Redis or Postgres is away: try again.
      }
      await sleep(recoverMs);
    }
    this.withoutLog = false;
    this.context.flusher.request(this);
  }

  private makeBatch(): Batch | undefined {
    this.endText();
    if (this.pending.length === 0) return undefined;
    const chunks = this.pending;
    const first = this.nextSequence;
    this.pending = [];
    this.nextSequence += chunks.length;
    const ttlMs = this.last ? this.context.ttl.graceMs : this.renewal(first);
    return { chunks, request: this.requestFor(first, chunks, this.last, ttlMs) };
  }

  /** What was written, as it was written. */
  private writtenAgain(): AppendRequest[] {
    const { chunks } = this.context.log;
    return this.written.map((first, at) => this.requestFor(first, chunks.slice(first, this.written[at + 1]), false, this.renewal(first)));
  }

  private requestFor(first: number, chunks: string[], last: boolean, ttlMs: number): AppendRequest {
    const { claim, log, cipher } = this.context;
    const bytes = cipher.seal({ turnId: claim.turnId, attempt: claim.attempt, epoch: log.epoch, first }, chunks);
    return { ...claim, epoch: log.epoch, first, count: chunks.length, bytes, last, ttlMs };
  }

  /** The time to live with the first batch of all and now and then: each renewal costs Redis as much as an append. */
  private renewal(first: number): number {
    const { runningMs } = this.context.ttl;
    const now = performance.now();
    if (first > 0 && now - this.renewedAt < runningMs / 4) return 0;
    this.renewedAt = now;
    return runningMs;
  }

  private endText(): void {
    if (this.text === '') return;
    this.pending.push(JSON.stringify({ type: 'text-delta', id: this.textId, delta: this.text } satisfies Chunk));
    this.text = '';
  }
}
