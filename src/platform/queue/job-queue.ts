import { Injectable, Logger } from '@nestjs/common';
import { type Job, Queue, UnrecoverableError, Worker } from 'bullmq';
import { redisKeys, RedisConnections } from '../redis/index.ts';
import { metrics, safeError } from '../telemetry/index.ts';
import { definedJobs, GiveUp, type JobDefinition } from './job.ts';
import { JobRegistry } from './job-registry.ts';

const queueName = 'jobs';

/** Jobs that one replica runs at a time. */
const concurrency = 4;

/** What waits in Redis: only a hint. The row in the outbox is the truth, and is swept when Redis forgets. */
export interface QueuedJob {
  /** Id of the outbox row; BullMQ drops a second job with the same id. */
  id: string;
  name: string;
  payload: unknown;
}

/** Background jobs over BullMQ: `enqueue` from any replica, run by those that call `work`. */
@Injectable()
export class JobQueue {
  private readonly logger = new Logger(JobQueue.name);
  private readonly queue: Queue;
  private worker: Worker | undefined;

  constructor(
    private readonly registry: JobRegistry,
    private readonly redis: RedisConnections,
  ) {
    this.queue = new Queue(queueName, { connection: redis.open({ name: 'parley-queue' }), prefix: redisKeys.queues });
    this.queue.on('error', (error) => this.logger.debug({ error: safeError(error) }, 'queue'));
  }

  /** Hands jobs to the workers. Throws when Redis is away; the outbox then tries again later. */
  async enqueue(jobs: QueuedJob[]): Promise<void> {
    const definitions = definedJobs();
    await this.queue.addBulk(
      jobs.map(({ id, name, payload }) => {
        const definition = definitions.get(name);
        return {
          name,
          data: payload,
          opts: {
            jobId: id,
            attempts: definition?.attempts ?? 1,
            backoff: { type: 'exponential', delay: definition?.backoffMs ?? 1_000 },
            removeOnComplete: true,
            // The row in the outbox stays and is handed on again: a failed job under the same id would stand in its way.
            removeOnFail: true,
          },
        };
      }),
    );
  }

  /** Starts running jobs here, and the schedules. `done` is told the id of each job that succeeded. */
  async work(done: (id: string, payload: unknown) => Promise<void>): Promise<void> {
    this.worker = new Worker(queueName, (job) => this.run(job, done), {
      connection: this.redis.open({ name: 'parley-worker', patient: true }),
      prefix: redisKeys.queues,
      concurrency,
    });
    this.worker.on('error', (error) => this.logger.debug({ error: safeError(error) }, 'worker'));
    for (const definition of definedJobs().values()) {
      if (definition.everyMs !== undefined) await this.schedule(definition, definition.everyMs);
    }
  }

  /** Stops taking jobs and waits for those that run. */
  async close(): Promise<void> {
    await this.worker?.close();
    await this.queue.close();
  }

  private async schedule(definition: JobDefinition, everyMs: number): Promise<void> {
    await this.queue.upsertJobScheduler(
      definition.name,
      { every: everyMs },
      { name: definition.name, data: {}, opts: { removeOnComplete: true, removeOnFail: { age: 86_400, count: 100 } } },
    );
  }

  private async run(job: Job, done: (id: string, payload: unknown) => Promise<void>): Promise<void> {
    const definition = definedJobs().get(job.name);
    if (definition === undefined) throw new UnrecoverableError(`There is no job ${job.name}.`);
    try {
      await this.registry.handlerOf(job.name).handle(definition.payload.parse(job.data));
      if (definition.everyMs === undefined && job.id !== undefined) await done(job.id, job.data);
      metrics.jobs.inc({ job: job.name, outcome: 'done' });
    } catch (error) {
      metrics.jobs.inc({ job: job.name, outcome: 'failed' });
      this.logger.warn({ job: job.name, attempt: job.attemptsMade + 1, error: safeError(error) }, 'job failed');
      // BullMQ keeps the reason of a failure in Redis; a foreign error's text may quote content.
      const reason = `${job.name}: ${error instanceof Error ? error.name : 'error'}`;
      if (error instanceof GiveUp) throw new UnrecoverableError(reason);
      throw failure(reason);
    }
  }
}

/** Without a cause: BullMQ stores what it is given. */
function failure(reason: string): Error {
  return new Error(reason);
}
