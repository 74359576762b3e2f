import { row, type Transaction } from '../database/index.ts';

/** Rows that one call deletes at most. */
const maxPruned = 10_000;

/**
 * Deletes the oldest rows of a tenant's chain that are older than `before`, at most `most` of them (up to 10,000), and leaves a checkpoint
 * from which the rest still verifies. Gives how many went; 0 = no more to do. `tx` is the system role's (reason `audit-prune`).
 * Throws SQLSTATE 42501 for a `before` of less than 30 days ago: whoever gets hold of the role must not wipe out fresh traces.
 */
export async function pruneAudit(tx: Transaction, tenantId: string, before: Date, most: number = maxPruned): Promise<number> {
  const pruned = await row<{ count: number }>(tx, 'SELECT audit_prune($1, $2, $3) AS count', [tenantId, before, Math.min(most, maxPruned)]);
  return pruned?.count ?? 0;
}
