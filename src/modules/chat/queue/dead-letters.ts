import { Injectable } from '@nestjs/common';
import { auditTrail } from '../../../platform/audit/index.ts';
import { row, rows, SystemDatabase, TenantDatabase } from '../../../platform/database/index.ts';
import { LogStore } from '../stream/log-store.ts';
import { redrive } from '../turn/turn-lifecycle.ts';

/** A turn that was given up, as an operator sees it: ids, times and the code of its error, never content. */
export interface GivenUpTurn {
  tenantId: string;
  id: string;
  errorCode: string | null;
  retries: number;
  givenUpAt: Date;
}

/** Turns that were tried as often as they may be. They ended as failed; an operator can have them tried again. */
@Injectable()
export class DeadLetters {
  constructor(
    private readonly system: SystemDatabase,
    private readonly database: TenantDatabase,
    private readonly logs: LogStore,
  ) {}

  /** The turns that were given up, oldest first, at most `limit`. */
  list(limit: number): Promise<GivenUpTurn[]> {
    return this.system.run('turn-queue', (tx) =>
      rows<GivenUpTurn>(
        tx,
        `SELECT tenant_id AS "tenantId", id, error_code AS "errorCode", retries, given_up_at AS "givenUpAt" FROM turns
         WHERE given_up_at IS NOT NULL ORDER BY given_up_at LIMIT $1`,
        [limit],
      ),
    );
  }

  /** The tenant of a turn that was given up; undefined when it is not one. */
  async tenantOf(id: string): Promise<string | undefined> {
    const found = await this.system.run('turn-queue', (tx) =>
      row<{ tenantId: string }>(tx, 'SELECT tenant_id AS "tenantId" FROM turns WHERE id = $1 AND given_up_at IS NOT NULL', [id]),
    );
    return found?.tenantId;
  }

  /** Queues a turn again; false when it is not one that was given up. Any replica takes it up within a second or so. */
  async redrive(tenantId: string, id: string): Promise<boolean> {
    const turn = await this.database.forTenant(tenantId, async (tx) => {
      const queued = await redrive(tx, tenantId, id);
      const object = { kind: 'turn', id } as const;
      if (queued !== undefined) auditTrail.record(tx, tenantId, { actor: { kind: 'operator', id: 'cli' }, action: 'turn.redrive', object });
      return queued;
    });
    if (turn === undefined) return false;
    // Its readers were shown an error: what they read next is another epoch.
    await this.logs.forget(tenantId, [id]).catch(() => undefined);
    return true;
  }
}
