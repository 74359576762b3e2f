import { bookedOf } from './call-matching.ts';
import { type CounterRow, type LedgerRow, limitNames, type TenantEvidence, wasRefused } from './evidence.ts';
import type { Violation } from './violation.ts';

/** Rules 3 and 4: counters are the sums of the ledger, nothing stays reserved, and nothing stays unused for want of a reservation. */
export function judgeCounters(evidence: TenantEvidence): Violation[] {
  const found: Violation[] = [];
  const report = (kind: Violation['kind'], detail: string) => void found.push({ kind, tenant: evidence.name, detail });
  for (const row of evidence.ledger) {
    const about = `row ${row.id} (turn ${row.turnId}, call ${row.call})`;
    if (row.state === 'reserved') report('unsettled', `${about} is still reserved`);
    if (row.state === 'released' && row.cost !== 0) report('over-booked', `${about} is released, and costs ${row.cost}`);
  }
  const months = sums(evidence.ledger, (row) => `${evidence.uuid} ${row.month}`);
  const days = sums(evidence.ledger, (row) => (row.visitorId === null ? undefined : `${row.visitorId} ${row.day}`));
  for (const counter of evidence.counters) {
    const key = `${counter.subject} ${counter.window}`;
    const isMonth = counter.subject === evidence.uuid;
    const own = (isMonth ? months : days).get(key) ?? { tokens: 0, cost: 0 };
    const who = isMonth ? `the month ${counter.window}` : `visitor ${counter.subject}`;
    if (counter.tokens !== own.tokens) report('counter', `${who} counts ${counter.tokens} tokens, its ledger ${own.tokens}`);
    if (counter.cost !== own.cost) report('counter', `${who} counts a cost of ${counter.cost}, its ledger ${own.cost}`);
    if (counter.tokensReserved !== 0) report('unsettled', `${who} still has ${counter.tokensReserved} tokens reserved`);
    if (counter.costReserved !== 0) report('unsettled', `${who} still has a cost of ${counter.costReserved} reserved`);
  }
  const keys = new Set(evidence.counters.map(({ subject, window }) => `${subject} ${window}`));
  for (const [key, { tokens, cost }] of months) if (tokens + cost > 0 && !keys.has(key)) report('counter', `there is no counter ${key}`);
  judgeMessageCount(evidence, report);
  judgeUnused(evidence, report);
  return found;
}

type Report = (kind: Violation['kind'], detail: string) => void;

function judgeMessageCount(evidence: TenantEvidence, report: Report): void {
  const counted = ownMonths(evidence).reduce((sum, { messages }) => sum + messages, 0);
  const charged = evidence.turns.filter(({ answered }) => answered);
  if (counted !== charged.length) report('counter', `${counted} messages are counted, and ${charged.length} were answered`);
  for (const [visitor, turns] of Map.groupBy(charged, ({ visitorId }) => visitorId)) {
    const own = evidence.counters.filter(({ subject }) => subject === visitor);
    const messages = own.reduce((sum, counter) => sum + counter.messages, 0);
    if (own.length > 0 && messages !== turns.length)
      report('counter', `${messages} messages are counted for visitor ${visitor}, who was answered ${turns.length} times`);
  }
}

/** After the last refusal, what is left is less than one message of those that were sent would have reserved. */
function judgeUnused(evidence: TenantEvidence, report: Report): void {
  const left = unusedOf(evidence);
  if (left === undefined) return;
  const { exhausted, ledger } = evidence;
  if (exhausted === limitNames.messages && left !== 0) report('unused', `${left} more messages were allowed than accepted`);
  if (exhausted === limitNames.messages || ledger.length === 0) return;
  const isMoney = exhausted === limitNames.cost;
  const reservation = Math.max(...ledger.map((row) => (isMoney ? row.reservedCost : row.reservedInput + row.reservedOutput)));
  if (left > reservation) report('unused', `${left} are left of ${exhausted}, and a reservation takes ${reservation}`);
}

/** What was left of the limit that refused, in its own unit, in the newest window; undefined when none refused. */
export function unusedOf(evidence: TenantEvidence): number | undefined {
  const limits = evidence.limits.at(-1);
  const left = (limit: number | undefined, subject: string | undefined, used: (counter: CounterRow) => number) => {
    if (limit === undefined || subject === undefined) return undefined;
    const windows = evidence.counters.filter((counter) => counter.subject === subject);
    const newest = windows.toSorted((a, b) => (a.window < b.window ? -1 : 1)).at(-1);
    return limit - (newest === undefined ? 0 : used(newest));
  };
  switch (evidence.exhausted) {
    case limitNames.tokens:
      return left(limits?.tokens, evidence.uuid, ({ tokens }) => tokens);
    case limitNames.messages:
      return left(limits?.messages, evidence.uuid, ({ messages }) => messages);
    case limitNames.cost:
      return left(limits?.cost, evidence.uuid, ({ cost }) => cost);
    case limitNames.visitorTokens:
      return left(limits?.visitorTokens, refusedVisitor(evidence), ({ tokens }) => tokens);
    case undefined:
    default:
      return undefined;
  }
}

/** The id of the visitor who was refused last; undefined when nothing of theirs was ever accepted. */
function refusedVisitor({ sent, turns }: TenantEvidence): string | undefined {
  const visitor = sent.findLast(wasRefused)?.visitor;
  const own = new Set(sent.filter((message) => message.visitor === visitor).map(({ marker }) => marker));
  return turns.find(({ marker }) => own.has(marker))?.visitorId;
}

function ownMonths({ counters, uuid }: TenantEvidence): CounterRow[] {
  return counters.filter(({ subject }) => subject === uuid);
}

function sums(ledger: LedgerRow[], keyOf: (row: LedgerRow) => string | undefined): Map<string, { tokens: number; cost: number }> {
  const totals = new Map<string, { tokens: number; cost: number }>();
  for (const row of ledger) {
    const key = keyOf(row);
    if (key === undefined || row.state !== 'settled') continue;
    const sum = totals.get(key) ?? { tokens: 0, cost: 0 };
    totals.set(key, { tokens: sum.tokens + bookedOf(row), cost: sum.cost + row.cost });
  }
  return totals;
}
