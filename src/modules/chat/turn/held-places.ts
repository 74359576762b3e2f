import { Injectable, Logger } from '@nestjs/common';
import { rows, SystemDatabase, TenantDatabase, type Transaction } from '../../../platform/database/index.ts';
import { Replica } from '../../../platform/replicas/index.ts';
import { safeError } from '../../../platform/telemetry/index.ts';
import { Admission, type TurnPlace } from '../../plans/index.ts';
import { TurnQueue } from '../queue/turn-queue.ts';
import { TurnRunner } from './turn-runner.ts';

/** How often places are held for another minute, in milliseconds. */
const everyMs = 20_000;

/**
 * Holds the places, among a plan's turns at once, of all turns that this replica answers for: those that it runs or announces, and those that wait
 * behind one of them in their conversation, which nobody else has in hand.
 */
@Injectable()
export class HeldPlaces {
  private readonly logger = new Logger(HeldPlaces.name);
  private timer: NodeJS.Timeout | undefined;
  private looking = false;

  constructor(
    private readonly runner: TurnRunner,
    private readonly queue: TurnQueue,
    private readonly admission: Admission,
    private readonly replica: Replica,
    private readonly system: SystemDatabase,
    private readonly database: TenantDatabase,
  ) {}

  /** Holds them from now on. */
  start(): void {
    this.timer = setInterval(() => void this.hold(), everyMs);
    this.timer.unref();
  }

  /** Holds them no more: they run out, unless another replica holds them. */
  stop(): void {
    clearInterval(this.timer);
  }

  /**
   * Holds them once. Never rejects: while Postgres is away, or a look into it takes longer than a round, only those that it runs or announces are held.
   */
  async hold(): Promise<void> {
    this.runner.holdPlaces(this.queue.places());
    if (this.looking) return;
    this.looking = true;
    const { id } = this.replica;
    try {
      for (const tenantId of await this.system.run('turn-queue', (tx) => tenantsWithWaiting(tx, id)))
        // One that was stopped since it was read has given its place back, and nobody would give it back again.
        await this.admission.renew(await this.database.forTenant(tenantId, (tx) => waitingBehind(tx, tenantId, id)), 'held');
    } catch (error) {
      this.logger.debug({ error: safeError(error) }, 'places of waiting turns could not be held; trying again');
    } finally {
      this.looking = false;
    }
  }
}

/** For the system role: tenants that have turns of this replica, and turns that wait behind any. */
async function tenantsWithWaiting(tx: Transaction, owner: string): Promise<string[]> {
  const found = await rows<{ tenantId: string }>(
    tx,
    `SELECT DISTINCT tenant_id AS "tenantId" FROM turns WHERE finished_at IS NULL AND state = 'waiting'
       AND tenant_id IN (SELECT tenant_id FROM turns WHERE finished_at IS NULL AND owner = $1 AND state IN ('queued', 'running'))`,
    [owner],
  );
  return found.map(({ tenantId }) => tenantId);
}

/** Turns that wait behind one that the replica runs or announces. */
function waitingBehind(tx: Transaction, tenantId: string, owner: string): Promise<TurnPlace[]> {
  return rows<TurnPlace>(
    tx,
    `SELECT w.tenant_id AS "tenantId", w.visitor_id AS "visitorId", w.id AS "turnId" FROM turns w
       JOIN turns t ON t.tenant_id = w.tenant_id AND t.conversation_id = w.conversation_id AND t.state IN ('queued', 'running')
     WHERE w.tenant_id = $1 AND w.finished_at IS NULL AND w.state = 'waiting' AND t.owner = $2`,
    [tenantId, owner],
  );
}
