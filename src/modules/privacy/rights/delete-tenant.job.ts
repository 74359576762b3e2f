import { Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { clock, currentDate } from '../../../kernel/clock.ts';
import { auditTrail, pruneAudit } from '../../../platform/audit/index.ts';
import { Keystore, type Tombstone } from '../../../platform/crypto/index.ts';
import { SystemDatabase, TenantDatabase } from '../../../platform/database/index.ts';
import { onEvent } from '../../../platform/events/index.ts';
import { Handles, type JobHandler } from '../../../platform/queue/index.ts';
import { Statements } from '../../identity/index.ts';
import { tenantDeletionRequested } from './erasures.events.ts';
import { Forgetting } from './forgetting.ts';

/** How long the audit trail of a deleted tenant is kept, in milliseconds: whoever disputes the deletion has that long. */
const auditMs = 90 * 86_400_000;

/** Deletes a tenant that asked for it. */
export const deleteTenant = onEvent(tenantDeletionRequested, 'delete-tenant');

/** Erases a tenant and all that are in it, and signs for it. Doing it twice changes nothing. */
@Injectable()
@Handles(deleteTenant)
export class DeleteTenantJob implements JobHandler<z.output<typeof deleteTenant.payload>> {
  constructor(
    private readonly database: TenantDatabase,
    private readonly keystore: Keystore,
    private readonly forgetting: Forgetting,
    private readonly statements: Statements,
    private readonly system: SystemDatabase,
  ) {}

  async handle({ tenantId }: { tenantId: string }): Promise<void> {
    const deleted = await this.forgetting.forget({ tenantId, kind: 'tenant', id: tenantId });
    if ((await this.keystore.receiptOf(tenantId)) !== undefined) return;
    const receipt = await this.statements.sign('erasure-receipt', tenantId, {
      subject: { kind: 'tenant' },
      erased_at: currentDate().toISOString(),
      keys: 'destroyed',
      deleted,
    });
    await this.keystore.keepReceipt(tenantId, receipt);
    await this.database.forTenant(tenantId, async (tx) => {
      const object = { kind: 'tenant', id: tenantId } as const;
      const actor = { kind: 'system', id: 'erasure' } as const;
      auditTrail.record(tx, tenantId, { actor, action: 'tenant.delete', object, detail: { stage: 'done', ...deleted } });
    });
  }

  /** Of a deleted tenant: signs where that was not reached, and lets the audit trail go when its time is over. */
  async closeBooks({ tenantId, erasedAt }: Pick<Tombstone, 'tenantId' | 'erasedAt'>): Promise<void> {
    if ((await this.keystore.receiptOf(tenantId)) === undefined) await this.handle({ tenantId });
    const before = new Date(clock.now() - auditMs);
    if (erasedAt > before) return;
    while ((await this.system.run('audit-prune', (tx) => pruneAudit(tx, tenantId, before))) > 0);
  }
}
