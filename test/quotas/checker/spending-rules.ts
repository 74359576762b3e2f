import type { Matching } from './call-matching.ts';
import { costOf, type LimitChange, type TenantEvidence, wasAccepted } from './evidence.ts';
import type { Violation } from './violation.ts';

/** A change of a limit holds on every replica after this, in milliseconds. */
export const changeHoldsAfterMs = 5_000;
/** Between a reservation and the moment in which the model server sees the call, at most, in milliseconds. */
const onItsWayMs = 10_000;

/** Rule 1: by the count of the model server and of the clients, no window is spent beyond its limit, at any moment. */
export function judgeSpending(evidence: TenantEvidence, matchings: Matching[] = []): Violation[] {
  return [
    ...judgeTokens(evidence, matchings),
    ...judgeMessages(evidence),
    ...judgeVisitors(evidence),
    ...judgeChanges(evidence),
    ...judgePeak(evidence),
  ];
}

function judgeTokens(evidence: TenantEvidence, matchings: Matching[]): Violation[] {
  const limit = highest(evidence.limits, 'tokens');
  const spent = new Map<string, number>();
  const add = (window: string, tokens: number) => void spent.set(window, (spent.get(window) ?? 0) + tokens);
  const found: Violation[] = [];
  const { monthTurnedAt: turned } = evidence;
  if (turned === undefined) for (const call of evidence.served) add('the month', costOf(call));
  else
    for (const { call, row } of matchings.flatMap(({ pairs }) => pairs)) {
      add(row.month, costOf(call));
      const months = evidence.counters.filter(({ subject }) => subject === evidence.uuid).map(({ window }) => window);
      const [before, after] = [months.toSorted()[0], months.toSorted().at(-1)];
      const wrong = call.startedAt < turned ? row.month !== before : call.startedAt > turned + onItsWayMs && row.month !== after;
      if (wrong)
        found.push(finding(evidence, 'counter', `a call ${call.startedAt - turned} ms after the month turned counts for ${row.month}`));
    }
  for (const [window, tokens] of spent)
    if (tokens > limit)
      found.push({ ...finding(evidence, 'overspend', `${tokens} tokens served in ${window}, ${limit} allowed`), excess: tokens - limit });
  return found;
}

function judgeMessages(evidence: TenantEvidence): Violation[] {
  const windows = evidence.monthTurnedAt === undefined ? 1 : 2;
  const limit = highest(evidence.limits, 'messages') * windows;
  const found: Violation[] = [];
  const charged = evidence.turns.filter(({ answered }) => answered);
  const markers = new Set(charged.map(({ marker }) => marker));
  const unknown = evidence.turns.length === 0;
  for (const [count, who] of [
    // What was answered, by those who were answered.
    [evidence.sent.filter((message) => wasAccepted(message) && (unknown || markers.has(message.marker))).length, 'clients'],
    [charged.length, 'Postgres'],
  ] as const)
    if (count > limit)
      found.push({
        ...finding(evidence, 'overspend', `${count} messages accepted by the count of ${who}, ${limit} allowed`),
        excess: count - limit,
      });
  return found;
}

function judgeVisitors(evidence: TenantEvidence): Violation[] {
  const limit = highest(evidence.limits, 'visitorTokens');
  const visitors = new Map(evidence.sent.map(({ marker, visitor }) => [marker, visitor]));
  return [...Map.groupBy(evidence.served, ({ marker }) => visitors.get(marker) ?? '')].flatMap(([visitor, calls]) => {
    const tokens = calls.reduce((sum, call) => sum + costOf(call), 0);
    if (tokens <= limit) return [];
    return [{ ...finding(evidence, 'overspend', `${tokens} tokens served to ${visitor}, ${limit} allowed`), excess: tokens - limit }];
  });
}

/**
 * While a limit holds, a message is accepted only where what was begun before it is within that limit: a booking is never less than
 * what is served, so the requests that the model server had seen by then must fit, however much they come to later.
 */
function judgeChanges(evidence: TenantEvidence): Violation[] {
  if (evidence.monthTurnedAt !== undefined) return [];
  const calls = evidence.served.toSorted((a, b) => a.startedAt - b.startedAt);
  const found: Violation[] = [];
  for (const [at, change] of evidence.limits.entries()) {
    const from = at === 0 ? 0 : change.at + changeHoldsAfterMs;
    const until = evidence.limits[at + 1]?.at ?? Infinity;
    const inside = evidence.sent.filter((message) => {
      const first = message.replies[0];
      return first !== undefined && first.began >= from && first.ended < until && first.accepted;
    });
    const last = Math.max(...inside.map(({ replies }) => replies[0]?.began ?? 0));
    const before = calls.filter(({ startedAt }) => startedAt < last).reduce((sum, call) => sum + costOf(call), 0);
    const limit = change.tokens ?? Infinity;
    if (inside.length > 0 && before > limit)
      found.push({
        ...finding(evidence, 'overspend', `a message was accepted after ${before} tokens, while ${limit} were allowed`),
        excess: before - limit,
      });
  }
  return found;
}

function judgePeak(evidence: TenantEvidence): Violation[] {
  const limit = highest(evidence.limits, 'tokens');
  if (evidence.peakTokens <= limit) return [];
  return [finding(evidence, 'over-reserved', `${evidence.peakTokens} tokens were used and reserved at one moment, ${limit} allowed`)];
}

function highest(limits: LimitChange[], name: 'tokens' | 'messages' | 'visitorTokens'): number {
  return Math.max(...limits.map((change) => change[name] ?? Infinity));
}

function finding({ name }: TenantEvidence, kind: Violation['kind'], detail: string): Violation {
  return { kind, tenant: name, detail };
}
