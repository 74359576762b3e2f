import { Injectable, Logger } from '@nestjs/common';
import { rows, SystemDatabase, TenantDatabase, type Transaction } from '../../../platform/database/index.ts';
import { safeError } from '../../../platform/telemetry/index.ts';
import { TurnQuota } from './turn-quota.ts';

/** How often it is looked for them, in milliseconds. */
const everyMs = 30_000;
/** Turns that are settled in one round. */
const batchSize = 100;

/**
 * Books what nobody else will: the calls of turns that are gone with their conversation, or have ended without their settlement, as what
 * was reserved. Doing it on several replicas at once books it once.
 */
@Injectable()
export class LeftReservations {
  private readonly logger = new Logger(LeftReservations.name);
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly system: SystemDatabase,
    private readonly database: TenantDatabase,
    private readonly quota: TurnQuota,
  ) {}

  /** Looks now and then. */
  start(): void {
    this.timer = setInterval(() => {
      this.settle().catch((error: unknown) => this.logger.debug({ error: safeError(error) }, 'left reservations could not be settled'));
    }, everyMs);
    this.timer.unref();
  }

  /** Looks no more. */
  stop(): void {
    clearInterval(this.timer);
  }

  /** Settles what has been left for a minute; gives of how many turns. */
  async settle(): Promise<number> {
    const left = await this.system.run('turn-sweep', leftReservations);
    let settled = 0;
    for (const { tenantId, turnId } of left) {
      try {
        await this.database.forTenant(tenantId, (tx) => this.quota.settle(tx, tenantId, turnId, { begun: true, answered: true }));
        settled += 1;
      } catch (error) {
        this.logger.warn({ turn: turnId, error: safeError(error) }, 'a left reservation could not be settled');
      }
    }
    return settled;
  }
}

function leftReservations(tx: Transaction): Promise<{ tenantId: string; turnId: string }[]> {
  return rows(
    tx,
    `SELECT DISTINCT p.tenant_id AS "tenantId", p.turn_id AS "turnId" FROM provider_calls p
     WHERE p.settled_at IS NULL AND p.turn_id IS NOT NULL AND p.created_at < now() - interval '1 minute'
       AND NOT EXISTS (SELECT 1 FROM turns t WHERE t.tenant_id = p.tenant_id AND t.id = p.turn_id AND t.finished_at IS NULL)
     LIMIT ${batchSize}`,
  );
}
