import { Logger } from '@nestjs/common';
import { DelayedError, type Job, Queue, Worker } from 'bullmq';
import { redisKeys, type RedisConnections } from '../redis/index.ts';
import { safeError } from '../telemetry/index.ts';
import { closeQueue } from './close-queue.ts';

/** Wait before a wake that found nobody free is offered again, in milliseconds. */
const busyDelayMs = 250;

/** What became of a wake: it was used, or this replica had no room for it. */
export type WakeOutcome = 'done' | 'busy';

/**
 * A BullMQ queue whose jobs only wake somebody: each says "there is one more thing to do" and reaches one replica that has
 * room. What there is to do, and in which order, Postgres knows; a wake that is lost costs a heartbeat.
 */
export class WakeQueue {
  private readonly logger: Logger;
  private readonly queue: Queue;
  private worker: Worker | undefined;
  private paused = false;

  constructor(
    private readonly name: string,
    private readonly redis: RedisConnections,
  ) {
    this.logger = new Logger(`WakeQueue ${name}`);
    this.queue = new Queue(name, { connection: redis.open({ name: `parley-${name}` }), prefix: redisKeys.queues });
    this.queue.on('error', (error) => this.logger.debug({ error: safeError(error) }, 'queue'));
  }

  /** Wakes one replica, after `delayMs` milliseconds. A second wake of the same id is dropped. Never throws: a wake may be lost. */
  add(id: string, options: { priority: number; delayMs?: number }): void {
    this.queue
      .add(
        this.name,
        {},
        { jobId: id, priority: options.priority, delay: options.delayMs ?? 0, removeOnComplete: true, removeOnFail: true },
      )
      .catch((error: unknown) => this.logger.debug({ error: safeError(error) }, 'wake lost'));
  }

  /** Takes a wake back that nobody needs any more. Never throws. */
  remove(id: string): void {
    this.queue.remove(id).catch((error: unknown) => this.logger.debug({ error: safeError(error) }, 'wake not taken back'));
  }

  /** Calls `wake` for each wake that comes to this replica, one at a time. */
  listen(wake: () => Promise<WakeOutcome>): void {
    this.worker = new Worker(this.name, (job, token) => this.handle(job, token, wake), {
      connection: this.redis.open({ name: `parley-${this.name}-worker`, patient: true }),
      prefix: redisKeys.queues,
      concurrency: 1,
    });
    this.worker.on('error', (error) => this.logger.debug({ error: safeError(error) }, 'worker'));
  }

  /** Takes wakes only while this replica has room. */
  setOpen(open: boolean): void {
    if (this.worker === undefined || this.paused !== open) return;
    this.paused = !open;
    if (open) void this.worker.resume();
    else this.worker.pause(true).catch((error: unknown) => this.logger.debug({ error: safeError(error) }, 'pause'));
  }

  /** Takes no more wakes, and lets go, within three seconds. */
  close(): Promise<void> {
    return closeQueue(this.queue, this.worker);
  }

  private async handle(job: Job, token: string | undefined, wake: () => Promise<WakeOutcome>): Promise<void> {
    if ((await wake()) === 'done') return;
    await job.moveToDelayed(Date.now() + busyDelayMs, token);
    throw new DelayedError();
  }
}
