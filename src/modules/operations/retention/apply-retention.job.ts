import { Injectable, Logger } from '@nestjs/common';
import { z } from 'zod';
import { defineJob, Handles, type JobHandler } from '../../../platform/queue/index.ts';
import { safeError } from '../../../platform/telemetry/index.ts';
import { retentionMetrics } from './retention-metrics.ts';
import { RetentionSweep } from './retention-sweep.ts';

/** Deletes what tenants do not want to keep, every half hour over all replicas. */
export const applyRetention = defineJob({ name: 'apply-retention', payload: z.looseObject({}), everyMs: 1_800_000 });

/** Longest time of one run, in milliseconds. Whoever was not reached is first in the next. */
const runMs = 600_000;

/** Tenants that one run looks at. */
const tenantsPerRun = 10_000;

/** Sweeps one tenant after the other, those first that have waited longest. What fails for one does not keep the others waiting. */
@Injectable()
@Handles(applyRetention)
export class ApplyRetention implements JobHandler<unknown> {
  private readonly logger = new Logger(ApplyRetention.name);

  constructor(private readonly sweep: RetentionSweep) {}

  async handle(): Promise<void> {
    const startedAt = performance.now();
    const inTime = () => performance.now() - startedAt < runMs;
    const tenants = await this.sweep.tenants(tenantsPerRun);
    let left = tenants.length;
    for (const tenantId of tenants) {
      retentionMetrics.tenantsLeft.set(left);
      if (!inTime()) return;
      left -= 1;
      await this.sweep.sweep(tenantId, undefined, inTime).catch((error: unknown) => {
        this.logger.warn({ error: safeError(error) }, 'a sweep was broken off');
      });
    }
    retentionMetrics.tenantsLeft.set(0);
  }
}
