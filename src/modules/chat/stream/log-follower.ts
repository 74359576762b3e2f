import { Logger } from '@nestjs/common';
import { CannotDecrypt } from '../../../platform/crypto/index.ts';
import type { ReplicaBus } from '../../../platform/replicas/index.ts';
import { redisKeys } from '../../../platform/redis/index.ts';
import { safeError } from '../../../platform/telemetry/index.ts';
import type { LogCipher } from './log-cipher.ts';
import { type LogStore, parsePublished, type PublishedBatch, type StoredLog } from './log-store.ts';
import type { TurnLog } from './turn-log.ts';

/** How often a silent log is looked at again, in milliseconds: messages of a channel can be lost. */
const checkMs = 2_000;
/** The longest that this grows to while nothing comes: many readers may wait at once. */
const longestCheckMs = 16_000;

/** What a follower needs from around it. */
export interface FollowerContext {
  tenantId: string;
  turnId: string;
  log: TurnLog;
  cipher: LogCipher;
  /** The log does not open: a version of the visitor's key may have come that is not known here. */
  renewKeys: () => Promise<void>;
  store: LogStore;
  bus: ReplicaBus;
  /** Asks Postgres: has the turn ended (so that a missing or silent log will not go on)? */
  hasEnded: () => Promise<boolean>;
  /** There is no log (any more) and the turn has ended: replay it from Postgres into `log`, if nothing was read yet. */
  replay: (log: TurnLog) => Promise<void>;
}

/**
 * Follows the log of a turn that runs on another replica: subscribe first, then read, then drop what came twice by its
 * sequence number. One follower per turn and replica, however many readers.
 */
export class LogFollower {
  private readonly logger = new Logger(LogFollower.name);
  private unsubscribe: (() => void) | undefined;
  private unwatch: (() => void) | undefined;
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;
  private reading: Promise<void> = Promise.resolve();
  private readWaits = false;
  private lastHeard = 0;
  /** The latest attempt of which something was read. */
  private attempt = 0;
  private checkEveryMs = checkMs;
  private lastCheck = 0;

  constructor(private readonly context: FollowerContext) {}

  /** Subscribes and reads what there is. Rejects when Redis is away. */
  async start(): Promise<void> {
    const { bus, tenantId, turnId } = this.context;
    this.lastHeard = performance.now();
    this.unwatch = bus.onLost(() => this.catchUp());
    try {
      this.unsubscribe = await bus.subscribe(redisKeys.turnChannel(tenantId, turnId), (payload) => this.heard(parsePublished(payload)));
      await this.read();
    } catch (error) {
      this.stop();
      // Redis is away. A turn that has ended is in Postgres; one that runs has to be asked for again.
      if (this.context.log.next > 0 || !(await this.context.hasEnded())) throw error;
      await this.context.replay(this.context.log);
    }
    if (this.done) return this.stop();
    this.timer = setInterval(() => this.check(), checkMs);
  }

  /** Stops following. */
  stop(): void {
    this.stopped = true;
    clearInterval(this.timer);
    this.unsubscribe?.();
    this.unwatch?.();
  }

  private get done(): boolean {
    return this.stopped || this.context.log.sealed || this.context.log.broken;
  }

  private heard(batch: PublishedBatch): void {
    const { log } = this.context;
    if (this.done) return;
    this.lastHeard = performance.now();
    this.checkEveryMs = checkMs;
    if (!this.adopt(batch.epoch)) return;
    if (batch.first > log.next) return this.catchUp();
    try {
      this.extend(batch, batch.epoch, batch.last);
    } catch (error) {
      if (!(error instanceof CannotDecrypt)) throw error;
      return this.catchUp();
    }
    if (this.done) this.stop();
  }

  /** Reads again from where the log ends; one read at a time, and one that waits its turn speaks for all that are asked for meanwhile. */
  private catchUp(): void {
    if (this.readWaits) return;
    this.readWaits = true;
    this.reading = this.reading
      .then(() => {
        this.readWaits = false;
        return this.read();
      })
      .catch((error: unknown) => this.logger.debug({ error: safeError(error) }, 'log not readable'));
  }

  private check(): void {
    if (this.done) return this.stop();
    const now = performance.now();
    if (now - Math.max(this.lastHeard, this.lastCheck) < this.checkEveryMs) return;
    this.lastCheck = now;
    this.checkEveryMs = Math.min(longestCheckMs, this.checkEveryMs * 2);
    this.catchUp();
  }

  private async read(): Promise<void> {
    const { store, tenantId, turnId, log } = this.context;
    if (this.done) return;
    const stored = await store.read(tenantId, turnId, log.next);
    if (this.done) return;
    if (stored === undefined) return this.missing();
    if (!this.adopt(stored.epoch)) return;
    try {
      this.take(stored);
    } catch (error) {
      if (!(error instanceof CannotDecrypt)) throw error;
      await this.context.renewKeys();
      if (this.done) return;
      this.take(stored);
    }
    // The log may have lost its end: the producer died between finishing in Postgres and sealing.
    // Without it the next reader is sent to Postgres, where the whole answer is.
    if (!this.done && performance.now() - this.lastHeard >= checkMs && (await this.context.hasEnded())) {
      await store.forget(tenantId, [turnId]);
      log.break();
    }
    if (this.done) this.stop();
  }

  private async missing(): Promise<void> {
    const { log } = this.context;
    if (!(await this.context.hasEnded())) return;
    if (log.next === 0) await this.context.replay(log);
    else log.break();
    this.stop();
  }

  private take(stored: StoredLog): void {
    for (const batch of stored.batches) this.extend(batch, stored.epoch, false);
    if (stored.sealed && this.context.log.next >= stored.next) this.context.log.extend(this.context.log.next, [], true);
  }

  /** True when the log goes on under this epoch; a log that has been read under another one breaks. */
  private adopt(epoch: number): boolean {
    const { log } = this.context;
    if (log.epoch === epoch) return true;
    if (log.next === 0) {
      log.epoch = epoch;
      return true;
    }
    if (epoch > log.epoch) log.break();
    return false;
  }

  private extend(batch: { attempt: number; first: number; sealed: Buffer }, epoch: number, last: boolean): void {
    const { cipher, log, turnId } = this.context;
    // A later attempt that begins before what was read here has not seen it: Redis had lost it. What follows would be a garbled text.
    if (batch.attempt > this.attempt && batch.first < log.next) return log.break();
    this.attempt = Math.max(this.attempt, batch.attempt);
    const chunks = cipher.open({ turnId, attempt: batch.attempt, epoch, first: batch.first }, batch.sealed);
    log.extend(batch.first, chunks, last);
  }
}
