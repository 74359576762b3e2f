import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import { changed, rows, SystemDatabase, TenantDatabase } from '../../platform/database/index.ts';
import { defineJob, Handles, type JobHandler } from '../../platform/queue/index.ts';

/** Deletes rows whose time is over, once every ten minutes over all replicas. */
export const purgeExpired = defineJob({
  name: 'purge-expired',
  payload: z.looseObject({}),
  everyMs: 600_000,
});

/** Tenants that one run deletes for; the rest waits for the next. */
const tenantsPerRun = 1_000;

/** What has a time: table, and the condition under which a row's is over. */
const expiring = [
  { table: 'idempotency_keys', over: 'expires_at < now()' },
  { table: 'privacy_mappings', over: 'expires_at < now()' },
  { table: 'invitations', over: 'expires_at < now()' },
  { table: 'used_assertions', over: 'expires_at < now()' },
  // A revoked session or grant stays until its own end, so that a replay of its tokens is still known as one.
  { table: 'oauth_grants', over: 'expires_at < now()' },
  { table: 'sessions', over: 'expires_at < now()' },
] as const;

/** Finds out as the system role which tenants have such rows, and deletes as each tenant. Doing it twice changes nothing. */
@Injectable()
@Handles(purgeExpired)
export class PurgeExpired implements JobHandler<unknown> {
  constructor(
    private readonly system: SystemDatabase,
    private readonly database: TenantDatabase,
  ) {}

  async handle(): Promise<void> {
    for (const { table, over } of expiring) {
      const tenants = await this.system.run('purge-expired', (tx) =>
        rows<{ tenantId: string }>(tx, `SELECT DISTINCT tenant_id AS "tenantId" FROM ${table} WHERE ${over} LIMIT ${tenantsPerRun}`),
      );
      for (const { tenantId } of tenants) {
        await this.database.forTenant(tenantId, (tx) => changed(tx, `DELETE FROM ${table} WHERE tenant_id = $1 AND ${over}`, [tenantId]));
      }
    }
    // Who left their last tenant; a sign-up under way makes its user last.
    await this.system.run('purge-expired', (tx) =>
      changed(
        tx,
        `DELETE FROM users u WHERE u.created_at < now() - interval '1 day' AND NOT EXISTS (SELECT 1 FROM memberships m WHERE m.user_id = u.id)`,
      ),
    );
    await this.system.run('purge-expired', (tx) => changed(tx, `DELETE FROM replicas WHERE beat_at < now() - interval '1 hour'`));
  }
}
