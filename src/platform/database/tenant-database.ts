import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { asTenant, closePool, inOneTrip, inTransaction, ping, writeTroubleOf } from './pool.ts';
import type { Statement, Transaction } from './transaction.ts';

/** Injection token of the pool for tenant work. */
export const TENANT_POOL = 'database:tenant-pool';

/** How long a failed write speaks for the whole database, in milliseconds. */
const troubleCountsMs = 10_000;
/** How long an answer speaks for the database, in milliseconds. */
const answerCountsMs = 1_000;

/** Why the database takes no writes. */
export type WriteTrouble = 'disk full' | 'read only';

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * The only way to tenant data. Every call is one transaction in which `app.tenant` is set for that transaction alone;
 * row-level security does the rest. Without the setting every tenant table raises an error.
 */
@Injectable()
export class TenantDatabase implements OnApplicationShutdown {
  private answeredAt = Number.NEGATIVE_INFINITY;
  private trouble: { what: WriteTrouble; at: number } | undefined;

  constructor(@Inject(TENANT_POOL) private readonly pool: DataSource) {}

  /**
   * Runs `work` as `tenantId` (a UUID in lower case; anything else throws). Commits when it resolves, rolls back when it
   * throws.
   */
  forTenant<T>(tenantId: string, work: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.noted(inTransaction(this.pool, beginAs(tenantId), work));
  }

  /** The same in a single round trip, for work that sends all its statements before it waits for any (see `inOneTrip`). */
  atOnce<T>(tenantId: string, work: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.noted(inOneTrip(this.pool, beginAs(tenantId), work));
  }

  /** Why writes failed in the last ten seconds, if they did for a reason that concerns all of them. */
  writeTrouble(): WriteTrouble | undefined {
    return this.trouble !== undefined && performance.now() - this.trouble.at < troubleCountsMs ? this.trouble.what : undefined;
  }

  /**
   * Asks for readiness, unless a transaction was answered within the last second: under load a question of its own would only
   * wait behind the others. Gives whether the server is read only; throws when it does not answer.
   */
  async ping(): Promise<{ readOnly: boolean }> {
    if (performance.now() - this.answeredAt < answerCountsMs) return { readOnly: false };
    return ping(this.pool);
  }

  /** Remembers what the outcome of a transaction says of the database. */
  private async noted<T>(running: Promise<T>): Promise<T> {
    try {
      const result = await running;
      this.answeredAt = performance.now();
      return result;
    } catch (error) {
      const what = writeTroubleOf(error);
      if (what !== undefined) this.trouble = { what, at: performance.now() };
      throw error;
    }
  }

  async onApplicationShutdown(): Promise<void> {
    await closePool(this.pool);
  }
}

/** What is no UUID is a mistake of ours, and is told here rather than by a policy. */
function beginAs(tenantId: string): Statement[] {
  if (!uuidPattern.test(tenantId)) throw new Error('forTenant needs the UUID of a tenant');
  return asTenant(tenantId);
}
