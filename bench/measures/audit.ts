import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import 'reflect-metadata';
import type * as audit from '../../src/platform/audit/index.ts';
import type * as database from '../../src/platform/database/index.ts';
import type * as ids from '../../src/kernel/ids.ts';
import { quantile } from '../statistics.ts';
import { type Bench, type Rounds, WrongAnswers } from './bench.ts';

/** One round: everybody writes into the chain of one tenant. */
export interface AuditRound {
  /** Rows a second, one in each transaction. */
  perSecond: number;
  /** From BEGIN to the answer of COMMIT, in milliseconds. */
  p50: number;
  p99: number;
  /** CPU time of Postgres for each row, in microseconds. */
  postgres: number;
}

/** Measures how many acts a second one tenant can have in its audit trail. The bare relay keeps none. */
export async function measureAudit(bench: Bench): Promise<Rounds<AuditRound>> {
  const rounds: Rounds<AuditRound> = { parley: [], relay: [] };
  for (let at = 0; at < bench.workload.rounds; at += 1) {
    bench.say(`audit: round ${at + 1} of ${bench.workload.rounds}`);
    rounds.parley.push(await auditRound(bench));
  }
  return rounds;
}

async function auditRound({ stack, workload, parley }: Bench): Promise<AuditRound> {
  const { writers, connections, measuredMs } = workload.audit;
  const built = <T>(path: string) => import(pathToFileURL(join(stack.dist, 'src', path)).href) as Promise<T>;
  const { auditTrail } = await built<typeof audit>('platform/audit/index.js');
  const { asTenant, inTransaction, openPool, row } = await built<typeof database>('platform/database/index.js');
  const { newUuid } = await built<typeof ids>('kernel/ids.js');
  const tenant = newUuid();
  const pool = await openPool({
    url: stack.tenantUrl,
    applicationName: 'bench-audit',
    size: connections,
    statementTimeoutMs: 10_000,
    connectTimeoutMs: 10_000,
  });
  const took: number[] = [];
  const before = stack.cpu(parley);
  const began = performance.now();
  const write = async (): Promise<void> => {
    while (performance.now() - began < measuredMs) {
      const from = performance.now();
      await inTransaction(pool, asTenant(tenant), async (tx) =>
        auditTrail.record(tx, tenant, {
          actor: { kind: 'user', id: tenant },
          action: 'bot.update',
          object: { kind: 'bot', id: tenant },
          detail: { fields: ['name', 'instructions'] },
        }),
      );
      took.push(performance.now() - from);
    }
  };
  await Promise.all(Array.from({ length: writers }, write));
  const seconds = (performance.now() - began) / 1_000;
  const after = stack.cpu(parley);
  const head = await inTransaction(pool, asTenant(tenant), (tx) =>
    row<{ seq: number; rows: number }>(
      tx,
      `SELECT seq::int, (SELECT count(*)::int FROM audit_events WHERE tenant_id = $1) AS rows FROM audit_heads WHERE tenant_id = $1`,
      [tenant],
    ),
  );
  await pool.destroy();
  if (head?.seq !== took.length || head.rows !== took.length)
    throw new WrongAnswers(`${took.length} entries were committed, the chain has ${head?.rows} rows and ends with ${head?.seq}`);
  return {
    perSecond: took.length / seconds,
    p50: quantile(took, 0.5),
    p99: quantile(took, 0.99),
    postgres: (after.postgres - before.postgres) / took.length,
  };
}
