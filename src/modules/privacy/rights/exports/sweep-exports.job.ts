import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { SystemDatabase, TenantDatabase } from '../../../../platform/database/index.ts';
import { Outbox } from '../../../../platform/events/index.ts';
import { defineJob, Handles, type JobHandler } from '../../../../platform/queue/index.ts';
import { ExportStorage } from './export-storage.ts';
import { exportRequested } from './exports.events.ts';

/** Looks after exports that nobody makes and those whose time is over, every half minute over all replicas. */
export const sweepExports = defineJob({ name: 'sweep-exports', payload: z.looseObject({}), everyMs: 30_000 });

/** Exports that one run looks after; the rest waits for the next. */
const perRun = 100;

/** Hands on again what waits or whose maker is gone, and takes away what has expired. Doing it twice changes nothing. */
@Injectable()
@Handles(sweepExports)
export class SweepExports implements JobHandler<unknown> {
  constructor(
    private readonly system: SystemDatabase,
    private readonly database: TenantDatabase,
    private readonly outbox: Outbox,
    private readonly storage: ExportStorage,
  ) {}

  async handle(): Promise<void> {
    const { exports, removal } = this.storage;
    // Two jobs for one export do no harm: the second finds somebody at it.
    for (const { tenantId, id } of await this.system.run('outbox-relay', (tx) => exports.stuck(tx, perRun)))
      await this.database.forTenant(tenantId, (tx) => this.outbox.publish(tx, exportRequested, { tenantId, exportId: id }));
    for (const { tenantId, id } of await this.system.run('purge-expired', (tx) => exports.over(tx, perRun))) {
      const stored = await this.database.forTenant(tenantId, (tx) => exports.byId(tx, tenantId, id));
      if (stored === undefined) continue;
      // Shown as expired from its very moment on: what tells them apart is whether the archive has been taken away.
      if (stored.linkToken === null) await removal.remove(tenantId, stored);
      else await removal.expire(tenantId, stored);
    }
  }
}
