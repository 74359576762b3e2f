import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { inTransaction, type Transaction } from './pool.ts';

/** Injection token of the pool for tenant work. */
export const TENANT_POOL = 'database:tenant-pool';

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/**
 * The only way to tenant data. Every call is one transaction in which `app.tenant` is set for that transaction alone;
 * row-level security does the rest. Without the setting every tenant table raises an error.
 */
@Injectable()
export class TenantDatabase implements OnApplicationShutdown {
  constructor(@Inject(TENANT_POOL) private readonly pool: DataSource) {}

  /**
   * Runs `work` as `tenantId` (a UUID in lower case; anything else throws). Commits when it resolves, rolls back when it
   * throws.
   */
  forTenant<T>(tenantId: string, work: (tx: Transaction) => Promise<T>): Promise<T> {
    // The id becomes part of the SQL text (one round trip with BEGIN), so nothing but a UUID may pass.
    if (!uuidPattern.test(tenantId)) throw new Error('forTenant needs the UUID of a tenant');
    return inTransaction(this.pool, `BEGIN; SELECT set_config('app.tenant', '${tenantId}', true)`, work);
  }

  /** A cheap round trip, for readiness. Throws when the database does not answer. */
  async ping(): Promise<void> {
    await this.pool.query('SELECT 1');
  }

  async onApplicationShutdown(): Promise<void> {
    if (this.pool.isInitialized) await this.pool.destroy();
  }
}
