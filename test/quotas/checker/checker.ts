import { type Matching, matchCalls } from './call-matching.ts';
import { judgeCounters } from './counter-rules.ts';
import type { TenantEvidence } from './evidence.ts';
import { judgeRefusals } from './refusal-rules.ts';
import { judgeSpending } from './spending-rules.ts';
import type { Violation } from './violation.ts';

/**
 * Judges what the model server has served, what Postgres holds and what clients were told against each other, tenant by tenant.
 * It shares no code with the server.
 */
export function check(tenants: TenantEvidence[]): Violation[] {
  return tenants.flatMap((evidence) => {
    const { matchings, violations } = judgeLedger(evidence);
    return [...judgeSpending(evidence, matchings), ...violations, ...judgeCounters(evidence), ...judgeRefusals(evidence)];
  });
}

/** Rule 2: one row for each request, exact where the provider has said it, and never less than was served. */
function judgeLedger(evidence: TenantEvidence): { matchings: Matching[]; violations: Violation[] } {
  const calls = Map.groupBy(evidence.served, ({ marker }) => marker);
  const rows = Map.groupBy(evidence.ledger, ({ turnId }) => turnId ?? '');
  const violations: Violation[] = [];
  const report = (kind: Violation['kind'], detail: string) => void violations.push({ kind, tenant: evidence.name, detail });
  const matchings = evidence.turns.map((turn) => {
    const matching = matchCalls(turn, calls.get(turn.marker) ?? [], rows.get(turn.id) ?? [], evidence);
    for (const { kind, detail } of matching.misfits) report(kind, detail);
    return matching;
  });
  const known = { markers: new Set(evidence.turns.map(({ marker }) => marker)), turns: new Set(evidence.turns.map(({ id }) => id)) };
  for (const [marker, own] of calls)
    if (!known.markers.has(marker)) report('unrecorded', `${own.length} requests for ${marker}, which is no turn`);
  for (const [turnId, own] of rows)
    if (!known.turns.has(turnId)) report('booked-twice', `${own.length} rows of turn ${turnId}, which does not exist`);
  return { matchings, violations };
}
