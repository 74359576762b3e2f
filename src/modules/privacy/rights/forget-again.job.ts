import { Injectable, Logger } from '@nestjs/common';
import { z } from 'zod';
import { Keystore, type Tombstone } from '../../../platform/crypto/index.ts';
import { rows, SystemDatabase, TenantDatabase } from '../../../platform/database/index.ts';
import { Outbox } from '../../../platform/events/index.ts';
import { defineJob, Handles, type JobHandler } from '../../../platform/queue/index.ts';
import { safeError } from '../../../platform/telemetry/index.ts';
import { DeleteTenantJob } from './delete-tenant.job.ts';
import { erasureRequested } from './erasures.events.ts';
import { ErasuresRepository } from './erasures.repository.ts';
import { Forgetting } from './forgetting.ts';

/** Looks whether somebody is back who was erased, every quarter of an hour over all replicas. */
export const forgetAgain = defineJob({ name: 'forget-again', payload: z.looseObject({}), everyMs: 900_000 });

const batch = 500;
const lowestId = '00000000-0000-0000-0000-000000000000';

/**
 * A restored backup brings back who was erased: of the data their rows, which their tombstones tell of; of the keystore their keys, which the
 * data tells of. Both go again. An erasure that was given up half-way is taken up again, too.
 */
@Injectable()
@Handles(forgetAgain)
export class ForgetAgain implements JobHandler<unknown> {
  private readonly logger = new Logger(ForgetAgain.name);

  constructor(
    private readonly keystore: Keystore,
    private readonly system: SystemDatabase,
    private readonly database: TenantDatabase,
    private readonly outbox: Outbox,
    private readonly erasures: ErasuresRepository,
    private readonly forgetting: Forgetting,
    private readonly deletion: DeleteTenantJob,
  ) {}

  async handle(): Promise<void> {
    await this.restoredKeys();
    await this.restoredData();
  }

  /** From the data: every erasure that was begun has its tombstone, or gets it (again). */
  private async restoredKeys(): Promise<void> {
    for (let after = { tenantId: lowestId, id: lowestId }; ;) {
      const from = after;
      const found = await this.system.run('erasure', (tx) => this.erasures.after(tx, from, batch));
      for (const { tenantId, id, state } of found)
        if (state !== 'done')
          await this.database.forTenant(tenantId, (tx) => this.outbox.publish(tx, erasureRequested, { tenantId, erasureId: id }));
      for (const { tenantId, kind, subjectId } of await this.keystore.notEntombed(found.filter(({ state }) => state === 'done'))) {
        this.logger.warn({ kind }, 'the keystore is older than an erasure: the key is destroyed again');
        await this.forgetting.destroyKey({ tenantId, kind, id: subjectId });
      }
      const last = found.at(-1);
      if (last === undefined || found.length < batch) return;
      after = last;
    }
  }

  /** From the keystore: of whoever has a tombstone there are no rows, or they go (again). */
  private async restoredData(): Promise<void> {
    for (let after: Tombstone | undefined; ;) {
      const found = await this.keystore.tombstonesAfter(after);
      for (const tombstone of await this.returned(found)) {
        const { tenantId, kind, subjectId: id } = tombstone;
        this.logger.warn({ kind }, 'somebody is back who was erased: forgotten again');
        await this.forgetting.forget({ tenantId, kind, id }).catch((error: unknown) => this.brokenOff(error));
      }
      for (const tombstone of found.filter(({ kind }) => kind === 'tenant'))
        await this.deletion.closeBooks(tombstone).catch((error: unknown) => this.brokenOff(error));
      if (found.length === 0) return;
      after = found.at(-1);
    }
  }

  private brokenOff(error: unknown): void {
    this.logger.warn({ error: safeError(error) }, 'forgetting again was broken off');
  }

  /** Those of whom there are rows. */
  private async returned(tombstones: Tombstone[]): Promise<Tombstone[]> {
    const tenants = [...new Set(tombstones.map(({ tenantId }) => tenantId))];
    const there = new Set<string>();
    const alive = await this.system.run('erasure', (tx) =>
      rows<{ id: string }>(tx, 'SELECT id FROM tenants WHERE id = ANY($1::uuid[])', [tenants]),
    );
    for (const { id: tenantId } of alive) {
      const ids = tombstones.filter((tombstone) => tombstone.tenantId === tenantId).map(({ subjectId }) => subjectId);
      const found = await this.database.forTenant(tenantId, (tx) =>
        rows<{ id: string }>(
          tx,
          `SELECT id FROM visitors WHERE tenant_id = $1 AND id = ANY($2::uuid[])
           UNION SELECT user_id FROM memberships WHERE tenant_id = $1 AND user_id = ANY($2::uuid[])
           UNION SELECT id FROM tenants WHERE id = $1 AND id = ANY($2::uuid[])`,
          [tenantId, ids],
        ),
      );
      for (const { id } of found) there.add(`${tenantId}|${id}`);
    }
    return tombstones.filter(({ tenantId, subjectId }) => there.has(`${tenantId}|${subjectId}`));
  }
}
