import { Injectable, Logger } from '@nestjs/common';
import type { z } from 'zod';
import { newUuid } from '../../kernel/ids.ts';
import { auditTrail } from '../audit/index.ts';
import { changed, row, rows, SystemDatabase, TenantDatabase, type Transaction } from '../database/index.ts';
import { JobQueue, type QueuedJob } from '../queue/index.ts';
import { metrics, safeError } from '../telemetry/index.ts';
import type { EventDefinition } from './event.ts';

/** Rows handed on per round. */
const batchSize = 200;
/** Idle wait between rounds, in milliseconds: the longest time a job waits for its hand-over. */
const pollMs = 1_000;
/** A job that was handed on but is not done after this long is handed on again: Redis may have been flushed. */
const redeliverAfter = '2 minutes';

/** A job that was given up, as an operator sees it. */
export interface GivenUpJob {
  tenantId: string;
  id: string;
  name: string;
  lastError: string | null;
  givenUpAt: Date;
}

/**
 * The transactional outbox: what must happen later is a row in the transaction that causes it. A relay hands the rows to
 * the job queue and deletes each when its job is done, so that a lost Redis loses no job.
 */
@Injectable()
export class Outbox {
  private readonly logger = new Logger(Outbox.name);
  private timer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    private readonly system: SystemDatabase,
    private readonly database: TenantDatabase,
    private readonly queue: JobQueue,
  ) {}

  /** Publishes an event inside the caller's transaction: one job row per reaction. */
  async publish<S extends z.ZodType<{ tenantId: string }>>(
    tx: Transaction,
    event: EventDefinition<S>,
    payload: z.output<S>,
  ): Promise<void> {
    for (const reaction of event.reactions) {
      await changed(tx, 'INSERT INTO outbox (tenant_id, id, name, payload) VALUES ($1, $2, $3, $4)', [
        payload.tenantId,
        newUuid(),
        reaction.name,
        JSON.stringify(payload),
      ]);
    }
  }

  /** Starts relaying and running jobs on this replica. */
  async start(): Promise<void> {
    await this.queue.work({
      done: (id, payload) => this.done(id, payload),
      givenUp: (id, payload, reason) => this.giveUp(id, payload, reason),
    });
    const loop = async (): Promise<void> => {
      let handedOn = 0;
      try {
        handedOn = await this.relay();
        await this.measure();
      } catch (error) {
        this.logger.debug({ error: safeError(error) }, 'the outbox could not be relayed; trying again');
      }
      if (!this.stopped) this.timer = setTimeout(() => void loop(), handedOn === batchSize ? 0 : pollMs);
    };
    void loop();
  }

  /** Stops relaying and waits for running jobs. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.queue.close();
  }

  /** Hands waiting rows to the queue; gives how many. */
  relay(): Promise<number> {
    return this.system.run('outbox-relay', async (tx) => {
      const waiting = await rows<QueuedJob & { tenantId: string }>(
        tx,
        `SELECT tenant_id AS "tenantId", id, name, payload FROM outbox
         WHERE given_up_at IS NULL AND (dispatched_at IS NULL OR dispatched_at < now() - interval '${redeliverAfter}')
         ORDER BY created_at LIMIT ${batchSize} FOR UPDATE SKIP LOCKED`,
      );
      if (waiting.length === 0) return 0;
      await this.queue.enqueue(waiting);
      await changed(tx, 'UPDATE outbox SET dispatched_at = now() WHERE (tenant_id, id) IN (SELECT * FROM unnest($1::uuid[], $2::uuid[]))', [
        waiting.map((job) => job.tenantId),
        waiting.map((job) => job.id),
      ]);
      return waiting.length;
    });
  }

  /** The jobs that were given up, oldest first, at most `limit`. */
  givenUp(limit: number): Promise<GivenUpJob[]> {
    return this.system.run('outbox-relay', (tx) =>
      rows<GivenUpJob>(
        tx,
        `SELECT tenant_id AS "tenantId", id, name, last_error AS "lastError", given_up_at AS "givenUpAt" FROM outbox
         WHERE given_up_at IS NOT NULL ORDER BY given_up_at LIMIT $1`,
        [limit],
      ),
    );
  }

  /** The tenant of a job that was given up; undefined when it is not one. `id` is a UUID. */
  async tenantOf(id: string): Promise<string | undefined> {
    const found = await this.system.run('outbox-relay', (tx) =>
      row<{ tenantId: string }>(tx, 'SELECT tenant_id AS "tenantId" FROM outbox WHERE id = $1 AND given_up_at IS NOT NULL', [id]),
    );
    return found?.tenantId;
  }

  /** Has a job tried again that was given up; false when it is not one. */
  async redrive(tenantId: string, id: string): Promise<boolean> {
    return this.database.forTenant(tenantId, async (tx) => {
      const updated = await changed(
        tx,
        `UPDATE outbox SET given_up_at = NULL, last_error = NULL, dispatched_at = NULL
         WHERE tenant_id = $1 AND id = $2 AND given_up_at IS NOT NULL`,
        [tenantId, id],
      );
      const object = { kind: 'job', id } as const;
      if (updated > 0) auditTrail.record(tx, tenantId, { actor: { kind: 'operator', id: 'cli' }, action: 'job.redrive', object });
      return updated > 0;
    });
  }

  private async measure(): Promise<void> {
    const level = await this.system.run('outbox-relay', (tx) =>
      row<{ depth: number; oldest: number; givenUp: number }>(
        tx,
        `SELECT count(*) FILTER (WHERE given_up_at IS NULL)::int AS depth, count(given_up_at)::int AS "givenUp",
           coalesce(greatest(0, extract(epoch FROM now() - min(created_at) FILTER (WHERE given_up_at IS NULL))), 0)::float8 AS oldest
         FROM outbox`,
      ),
    );
    metrics.queuedJobs.set(level?.depth ?? 0);
    metrics.oldestJobSeconds.set(level?.oldest ?? 0);
    metrics.givenUpJobs.set(level?.givenUp ?? 0);
  }

  private async giveUp(id: string, payload: unknown, reason: string): Promise<void> {
    const { tenantId } = payload as { tenantId: string };
    await this.database.forTenant(tenantId, (tx) =>
      changed(tx, 'UPDATE outbox SET given_up_at = now(), last_error = $3 WHERE tenant_id = $1 AND id = $2', [tenantId, id, reason]),
    );
  }

  private async done(id: string, payload: unknown): Promise<void> {
    const { tenantId } = payload as { tenantId: string };
    await this.database.forTenant(tenantId, (tx) => changed(tx, 'DELETE FROM outbox WHERE tenant_id = $1 AND id = $2', [tenantId, id]));
  }
}
