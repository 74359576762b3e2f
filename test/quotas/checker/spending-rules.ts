import type { Matching } from './call-matching.ts';
import { type LimitChange, moneyOf, type ServedCall, type TenantEvidence, tokensOf, wasAccepted, watchedLimits } from './evidence.ts';
import type { Excess, Violation } from './violation.ts';

/** A change of a limit holds on every replica after this, in milliseconds. */
export const changeHoldsAfterMs = 5_000;
/** Between a reservation and the moment in which the model server sees the call, at most, in milliseconds. */
const onItsWayMs = 10_000;

/** Something that requests cost. */
interface Spending {
  name: 'tokens' | 'cost';
  of: Excess['of'];
  unit: string;
  measure: (call: ServedCall, evidence: TenantEvidence) => number;
}

const tokens: Spending = { name: 'tokens', of: 'tokens', unit: 'tokens', measure: tokensOf };
const money: Spending = { name: 'cost', of: 'money', unit: 'micro-units of money', measure: (call, { prices }) => moneyOf(call, prices) };

/** Rule 1: by the count of the model server and of the clients, no window is spent beyond its limit, at any moment. */
export function judgeSpending(evidence: TenantEvidence, matchings: Matching[] = []): Violation[] {
  return [
    ...judgeMonth(evidence, matchings, tokens),
    ...judgeMonth(evidence, matchings, money),
    ...judgeMonthsOfCalls(evidence, matchings),
    ...judgeMessages(evidence),
    ...judgeVisitors(evidence),
    ...judgeChanges(evidence, tokens),
    ...judgeChanges(evidence, money),
    ...judgePeak(evidence),
  ];
}

function judgeMonth(evidence: TenantEvidence, matchings: Matching[], { name, of, unit, measure }: Spending): Violation[] {
  const limit = highest(evidence.limits, name);
  const spent = new Map<string, number>();
  const add = (window: string, call: ServedCall) => void spent.set(window, (spent.get(window) ?? 0) + measure(call, evidence));
  if (evidence.monthTurnedAt === undefined) for (const call of evidence.served) add('the month', call);
  else for (const { call, row } of matchings.flatMap(({ pairs }) => pairs)) add(row.month, call);
  return [...spent].flatMap(([window, amount]) =>
    amount > limit ? [overspend(evidence, `${amount} ${unit} served in ${window}, ${limit} allowed`, of, amount - limit)] : [],
  );
}

/** Where the month has turned, each call counts for the one in which it was reserved. */
function judgeMonthsOfCalls(evidence: TenantEvidence, matchings: Matching[]): Violation[] {
  const { monthTurnedAt: turned } = evidence;
  if (turned === undefined) return [];
  const months = evidence.counters.filter(({ subject }) => subject === evidence.uuid).map(({ window }) => window);
  const [before, after] = [months.toSorted()[0], months.toSorted().at(-1)];
  return matchings
    .flatMap(({ pairs }) => pairs)
    .filter(({ call, row }) =>
      call.startedAt < turned ? row.month !== before : call.startedAt > turned + onItsWayMs && row.month !== after,
    )
    .map(({ call, row }) => {
      const late = call.startedAt - turned;
      return finding(evidence, 'counter', `a call ${late} ms after the month turned counts for ${row.month}`);
    });
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
      found.push(overspend(evidence, `${count} messages accepted by the count of ${who}, ${limit} allowed`, 'messages', count - limit));
  return found;
}

function judgeVisitors(evidence: TenantEvidence): Violation[] {
  const limit = highest(evidence.limits, 'visitorTokens');
  const visitors = new Map(evidence.sent.map(({ marker, visitor }) => [marker, visitor]));
  return [...Map.groupBy(evidence.served, ({ marker }) => visitors.get(marker) ?? '')].flatMap(([visitor, calls]) => {
    const served = calls.reduce((sum, call) => sum + tokensOf(call), 0);
    if (served <= limit) return [];
    return [overspend(evidence, `${served} tokens served to ${visitor}, ${limit} allowed`, 'tokens', served - limit)];
  });
}

/**
 * While a limit holds, a message is accepted only where what was begun before it is within that limit: a booking is never less than
 * what is served, so the requests that the model server had seen by then must fit, however much they come to later.
 */
function judgeChanges(evidence: TenantEvidence, { name, of, unit, measure }: Spending): Violation[] {
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
    const before = calls.filter(({ startedAt }) => startedAt < last).reduce((sum, call) => sum + measure(call, evidence), 0);
    const limit = change[name] ?? Infinity;
    if (inside.length > 0 && before > limit)
      found.push(overspend(evidence, `a message was accepted after ${before} ${unit}, while ${limit} were allowed`, of, before - limit));
  }
  return found;
}

function judgePeak(evidence: TenantEvidence): Violation[] {
  return watchedLimits.flatMap((name) => {
    const [limit, peak] = [highest(evidence.limits, name), evidence.peaks[name]];
    return peak > limit
      ? [finding(evidence, 'over-reserved', `${peak} of ${name} were used and reserved at one moment, ${limit} allowed`)]
      : [];
  });
}

function highest(limits: LimitChange[], name: keyof Omit<LimitChange, 'at'>): number {
  return Math.max(...limits.map((change) => change[name] ?? Infinity));
}

function overspend(evidence: TenantEvidence, detail: string, of: Excess['of'], amount: number): Violation {
  return { ...finding(evidence, 'overspend', detail), excess: { of, amount } };
}

function finding({ name }: TenantEvidence, kind: Violation['kind'], detail: string): Violation {
  return { kind, tenant: name, detail };
}
