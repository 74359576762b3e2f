import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { currentDate } from '../../../kernel/clock.ts';
import { auditTrail, pruneAudit } from '../../../platform/audit/index.ts';
import { SystemDatabase, TenantDatabase, type Transaction } from '../../../platform/database/index.ts';
import { type Batch, type Cursor, ExpiredRowsRepository, type ShortestDays } from './expired-rows.repository.ts';
import { retentionMetrics } from './retention-metrics.ts';

/** Rows that one batch looks at, and deletes, at most: some tens of milliseconds in which a send to one of its conversations would wait. */
const batchSize = 200;

/** Longest wait for a lock and longest statement of a batch, in milliseconds: it gives way rather than hold anybody up. */
const waits = { lockMs: 100, statementMs: 2_000 };

/** Pause after a batch that deleted something, in milliseconds: the disk is for those who chat first. */
const pauseMs = 20;

/** Days for which rows of an audit chain cannot be deleted (`pruneAudit`). */
const auditFloorDays = 30;
const dayMs = 86_400_000;

/** What one sweep of a tenant deleted. */
export interface Swept {
  conversations: number;
  turns: number;
  calls: number;
  counters: number;
  audit: number;
}

type OneBatch = (tx: Transaction, after: Cursor) => Promise<Batch>;

/** Deletes what is past its time, in batches that hold no long locks. May be broken off at any batch: the next sweep goes on. */
@Injectable()
export class RetentionSweep {
  constructor(
    private readonly database: TenantDatabase,
    private readonly system: SystemDatabase,
    private readonly expired: ExpiredRowsRepository,
  ) {}

  /** Looks at everything of a tenant (a UUID) as of `until`; stops when `goOn` says no. Gives what was deleted. */
  async sweep(tenantId: string, until: Date = currentDate(), goOn: () => boolean = () => true): Promise<Swept> {
    const days = await this.database.forTenant(tenantId, (tx) => this.expired.shortest(tx, tenantId));
    const walk = (after: Cursor) => ({ until, after, size: batchSize });
    const { conversations, messages, usage } = days;
    const over = (kind: keyof Swept, batch: OneBatch) => this.inBatches(tenantId, kind, batch, goOn);
    const swept: Swept = { conversations: 0, turns: 0, calls: 0, counters: 0, audit: 0 };
    if (conversations !== null)
      swept.conversations = await over('conversations', (tx, after) =>
        this.expired.conversations(tx, tenantId, walk(after), conversations),
      );
    if (messages !== null) swept.turns = await over('turns', (tx, after) => this.expired.turns(tx, tenantId, walk(after), messages));
    if (usage !== null) {
      swept.calls = await over('calls', (tx, after) => this.expired.calls(tx, tenantId, walk(after), usage));
      swept.counters = await over('counters', (tx) => this.expired.counters(tx, tenantId, walk(null)));
    }
    swept.audit = await this.pruneTrail(tenantId, days, until, goOn);
    await this.finish(tenantId, swept, goOn());
    return swept;
  }

  /** Tenants in the order in which they are to be looked at. */
  tenants(limit: number): Promise<string[]> {
    return this.system.run('retention', (tx) => this.expired.tenants(tx, limit));
  }

  private async inBatches(tenantId: string, kind: keyof Swept, batch: OneBatch, goOn: () => boolean): Promise<number> {
    let total = 0;
    let cursor: Cursor = null;
    while (goOn()) {
      const after: Cursor = cursor;
      const startedAt = performance.now();
      const done: Batch = await this.database.forTenant(tenantId, async (tx) => {
        await this.expired.limitWaits(tx, waits);
        return batch(tx, after);
      });
      retentionMetrics.batchSeconds.observe((performance.now() - startedAt) / 1_000);
      retentionMetrics.deleted.inc({ kind }, done.deleted);
      total += done.deleted;
      ({ cursor } = done);
      if (cursor === null) break;
      if (done.deleted > 0) await sleep(pauseMs);
    }
    return total;
  }

  private async pruneTrail(tenantId: string, { audit }: ShortestDays, until: Date, goOn: () => boolean): Promise<number> {
    if (audit === null) return 0;
    const before = new Date(Math.min(until.getTime() - audit * dayMs, currentDate().getTime() - auditFloorDays * dayMs - 1_000));
    let total = 0;
    while (goOn()) {
      if (await this.database.forTenant(tenantId, (tx) => this.expired.auditHeld(tx, tenantId))) return total;
      const pruned = await this.system.run('audit-prune', async (tx) => {
        await this.expired.limitWaits(tx, waits);
        return pruneAudit(tx, tenantId, before, batchSize * 5);
      });
      retentionMetrics.deleted.inc({ kind: 'audit' }, pruned);
      total += pruned;
      if (pruned === 0) return total;
      await sleep(pauseMs);
    }
    return total;
  }

  /** What was deleted is in the audit trail, as counts. */
  private async finish(tenantId: string, swept: Swept, complete: boolean): Promise<void> {
    await this.database.forTenant(tenantId, async (tx) => {
      if (complete) await this.expired.markSwept(tx, tenantId);
      if (Object.values(swept).every((count) => count === 0)) return;
      const object = { kind: 'job', id: 'apply-retention' } as const;
      auditTrail.record(tx, tenantId, {
        actor: { kind: 'system', id: 'retention' },
        action: 'retention.run',
        object,
        detail: { ...swept },
      });
    });
  }
}
