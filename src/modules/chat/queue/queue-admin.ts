import { Injectable } from '@nestjs/common';
import { auditTrail } from '../../../platform/audit/index.ts';
import { row, rows, SystemDatabase, TenantDatabase } from '../../../platform/database/index.ts';
import { type QueueLevel, queueLevel, setQueueShare } from './turn-order.ts';

/** What one replica said with its last heartbeat. */
export interface ReplicaStatus {
  id: string;
  role: string;
  slots: number;
  running: number;
  serviceSeconds: number | null;
}

/** The queue of turns, for operators. */
@Injectable()
export class QueueAdmin {
  constructor(
    private readonly system: SystemDatabase,
    private readonly database: TenantDatabase,
  ) {}

  /** How full the queue is, and what the replicas carry that were heard of in the last ten seconds. */
  status(): Promise<{ level: QueueLevel; replicas: ReplicaStatus[] }> {
    return this.system.run('turn-queue', async (tx) => ({
      level: await queueLevel(tx),
      replicas: await rows<ReplicaStatus>(
        tx,
        `SELECT id, role, slots, running, service_seconds AS "serviceSeconds" FROM replicas
         WHERE beat_at > now() - interval '10 seconds' ORDER BY started_at`,
      ),
    }));
  }

  /** Sets a tenant's tier (0–100, higher first) and weight within it; false when there is no such tenant. */
  setShare(tenantId: string, share: { tier: number; weight: number }): Promise<boolean> {
    return this.database.forTenant(tenantId, async (tx) => {
      if ((await row(tx, 'SELECT 1 FROM tenants WHERE id = $1', [tenantId])) === undefined) return false;
      await setQueueShare(tx, tenantId, share);
      const object = { kind: 'tenant', id: tenantId } as const;
      auditTrail.record(tx, tenantId, { actor: { kind: 'operator', id: 'cli' }, action: 'plan.share', object, detail: { ...share } });
      return true;
    });
  }
}
