import { Injectable } from '@nestjs/common';
import { row, TenantDatabase, type Transaction } from '../../platform/database/index.ts';

/** The people of a tenant. */
@Injectable()
export class Members {
  constructor(private readonly database: TenantDatabase) {}

  /** Whether a user (a UUID) is a member of the tenant. */
  has(tenantId: string, userId: string): Promise<boolean> {
    const sql = 'SELECT 1 FROM memberships WHERE tenant_id = $1 AND user_id = $2';
    return this.database.forTenant(tenantId, async (tx) => (await row(tx, sql, [tenantId, userId])) !== undefined);
  }

  /** Whether a tenant would be without an owner if this user left. Its owners stay locked until the end of the transaction. */
  async isLastOwner(tx: Transaction, tenantId: string, userId: string): Promise<boolean> {
    const others = await row<{ mine: boolean; others: boolean }>(
      tx,
      `WITH owners AS (SELECT user_id FROM memberships WHERE tenant_id = $1 AND role = 'owner' FOR UPDATE)
       SELECT coalesce(bool_or(user_id = $2), false) AS mine, coalesce(bool_or(user_id <> $2), false) AS others FROM owners`,
      [tenantId, userId],
    );
    return others?.mine === true && !others.others;
  }
}
