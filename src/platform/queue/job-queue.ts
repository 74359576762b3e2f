import { Inject, Injectable, Logger } from '@nestjs/common';
import { type Job, Queue, UnrecoverableError, Worker } from 'bullmq';
import { redisKeys, RedisConnections } from '../redis/index.ts';
import { metrics, safeError } from '../telemetry/index.ts';
import { closeQueue } from './close-queue.ts';
import { definedJobs, GiveUp, type JobDefinition } from './job.ts';
import { JobRegistry } from './job-registry.ts';
import { type QueueConfig, queueConfig } from './queue.config.ts';

const queueName = 'jobs';

/** Jobs that one replica runs at a time. */
const concurrency = 4;
/** How often the schedules are looked at, in milliseconds: a flush of Redis takes them along. */
const scheduleCheckMs = 10_000;

/** What waits in Redis: only a hint. The row in the outbox is the truth, and is swept when Redis forgets. */
export interface QueuedJob {
  /** Id of the outbox row; BullMQ drops a second job with the same id. */
  id: string;
  name: string;
  payload: unknown;
}

/** What becomes of jobs, for whoever keeps their rows. */
export interface JobOutcomes {
  /** The job has succeeded. */
  done: (id: string, payload: unknown) => Promise<void>;
  /** It was tried as often as it may be. `reason` names the kind of error, and holds no content. */
  givenUp: (id: string, payload: unknown, reason: string) => Promise<void>;
}

/** Background jobs over BullMQ: `enqueue` from any replica, run by those that call `work`. */
@Injectable()
export class JobQueue {
  private readonly logger = new Logger(JobQueue.name);
  private readonly queue: Queue;
  private worker: Worker | undefined;
  private scheduling: NodeJS.Timeout | undefined;

  constructor(
    private readonly registry: JobRegistry,
    private readonly redis: RedisConnections,
    @Inject(queueConfig.token) private readonly config: QueueConfig,
  ) {
    this.queue = new Queue(queueName, { connection: redis.open({ name: 'parley-queue' }), prefix: redisKeys.queues });
    this.queue.on('error', (error) => this.logger.debug({ error: safeError(error) }, 'queue'));
  }

  /** Hands jobs to the workers. Throws when Redis is away; the outbox then tries again later. */
  async enqueue(jobs: QueuedJob[]): Promise<void> {
    await this.queue.addBulk(
      jobs.map(({ id, name, payload }) => {
        return {
          name,
          data: payload,
          opts: {
            jobId: id,
            attempts: this.config.maxRetries + 1,
            backoff: { type: 'fixed', delay: this.config.retryDelayMs },
            removeOnComplete: true,
            // The row in the outbox stays and is handed on again: a failed job under the same id would stand in its way.
            removeOnFail: true,
          },
        };
      }),
    );
  }

  /** Starts running jobs here, and the schedules. `outcomes` is told what became of each job. */
  async work(outcomes: JobOutcomes): Promise<void> {
    this.worker = new Worker(queueName, (job) => this.run(job, outcomes), {
      connection: this.redis.open({ name: 'parley-worker', patient: true }),
      prefix: redisKeys.queues,
      concurrency,
    });
    this.worker.on('error', (error) => this.logger.debug({ error: safeError(error) }, 'worker'));
    await this.scheduleAll();
    this.scheduling = setInterval(() => {
      this.scheduleAll().catch((error: unknown) => this.logger.debug({ error: safeError(error) }, 'schedules could not be checked'));
    }, scheduleCheckMs);
  }

  /** Stops taking jobs and waits for those that run, three seconds at most. */
  close(): Promise<void> {
    clearInterval(this.scheduling);
    return closeQueue(this.queue, this.worker);
  }

  /** Puts each schedule into Redis that is not there. */
  private async scheduleAll(): Promise<void> {
    for (const definition of definedJobs().values()) {
      if (definition.everyMs === undefined) continue;
      const there = await this.queue.getJobScheduler(definition.name);
      if (there?.every !== definition.everyMs) await this.schedule(definition, definition.everyMs);
    }
  }

  private async schedule(definition: JobDefinition, everyMs: number): Promise<void> {
    await this.queue.upsertJobScheduler(
      definition.name,
      { every: everyMs },
      { name: definition.name, data: {}, opts: { removeOnComplete: true, removeOnFail: { age: 86_400, count: 100 } } },
    );
  }

  private async run(job: Job, outcomes: JobOutcomes): Promise<void> {
    const definition = definedJobs().get(job.name);
    if (definition === undefined) throw new UnrecoverableError(`There is no job ${job.name}.`);
    try {
      await this.registry.handlerOf(job.name).handle(definition.payload.parse(job.data));
      if (definition.everyMs === undefined && job.id !== undefined) await outcomes.done(job.id, job.data);
      metrics.jobs.inc({ job: job.name, outcome: 'done' });
    } catch (error) {
      metrics.jobs.inc({ job: job.name, outcome: 'failed' });
      this.logger.warn({ job: job.name, attempt: job.attemptsMade + 1, error: safeError(error) }, 'job failed');
      // BullMQ keeps the reason of a failure in Redis; a foreign error's text may quote content.
      const reason = `${job.name}: ${error instanceof Error ? error.name : 'error'}`;
      const last = error instanceof GiveUp || job.attemptsMade + 1 >= (job.opts.attempts ?? 1);
      if (last && definition.everyMs === undefined && job.id !== undefined) await outcomes.givenUp(job.id, job.data, reason);
      if (error instanceof GiveUp) throw new UnrecoverableError(reason);
      throw failure(reason);
    }
  }
}

/** Without a cause: BullMQ stores what it is given. */
function failure(reason: string): Error {
  return new Error(reason);
}
