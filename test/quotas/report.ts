import { limitNames, moneyOf, type TenantEvidence, tokensOf, wasAccepted, wasRefused } from './checker/evidence.ts';
import { unusedOf } from './checker/counter-rules.ts';
import type { Excess, Violation, ViolationKind } from './checker/violation.ts';
import type { ScenarioResult } from './scenario-run.ts';

const microUnits = 1_000_000;

/** Figures of one scenario, or of all together. */
export interface Figures {
  runs: number;
  sent: number;
  accepted: number;
  refused: number;
  /** Tokens that the model server has served, and what they cost in units of money. */
  served: number;
  money: number;
  /** Tokens and messages beyond a limit, and money. */
  overspend: number;
  moneyOverspend: number;
  /** Turns that another replica has taken over, and calls that are booked without the provider's word. */
  takenOver: number;
  estimated: number;
  /** Requests, rows and counters that do not agree. */
  mismatches: number;
  /** Most tokens, or messages, that were left when a limit refused; and most money. */
  unused: number;
  moneyUnused: number;
  violations: number;
  seconds: number;
}

const mismatching = new Set<ViolationKind>([
  'unrecorded',
  'under-booked',
  'over-booked',
  'inexact',
  'booked-twice',
  'unsettled',
  'counter',
]);

/** The figures of one scenario. */
export function figuresOf({ evidence, violations, seconds }: ScenarioResult): Figures {
  const sent = evidence.flatMap((tenant) => tenant.sent);
  return {
    runs: 1,
    sent: sent.length,
    accepted: sent.filter(wasAccepted).length,
    refused: sent.filter(wasRefused).length,
    served: evidence.flatMap(({ served }) => served).reduce((sum, call) => sum + tokensOf(call), 0),
    money: sumIn(evidence, ({ served, prices }) => served.reduce((sum, call) => sum + moneyOf(call, prices), 0)) / microUnits,
    overspend: excessOf(violations, 'tokens') + excessOf(violations, 'messages'),
    moneyOverspend: excessOf(violations, 'money') / microUnits,
    takenOver: evidence.flatMap(({ turns }) => turns).filter(({ attempt }) => attempt > 1).length,
    estimated: evidence.flatMap(({ ledger }) => ledger).filter(({ state, estimated }) => state === 'settled' && estimated).length,
    mismatches: violations.filter(({ kind }) => mismatching.has(kind)).length,
    unused: Math.max(0, ...evidence.filter((tenant) => !isOfMoney(tenant)).map((tenant) => unusedOf(tenant) ?? 0)),
    moneyUnused: Math.max(0, ...evidence.filter(isOfMoney).map((tenant) => unusedOf(tenant) ?? 0)) / microUnits,
    violations: violations.length,
    seconds,
  };
}

/** All together. */
export function sumOf(all: Figures[]): Figures {
  const sum = (name: keyof Figures) => all.reduce((total, figures) => total + figures[name], 0);
  const most = (name: keyof Figures) => Math.max(0, ...all.map((figures) => figures[name]));
  return {
    ...{ runs: sum('runs'), sent: sum('sent'), accepted: sum('accepted'), refused: sum('refused') },
    ...{ served: sum('served'), money: sum('money'), takenOver: sum('takenOver'), estimated: sum('estimated') },
    ...{ overspend: sum('overspend'), moneyOverspend: sum('moneyOverspend'), mismatches: sum('mismatches') },
    ...{ unused: most('unused'), moneyUnused: most('moneyUnused'), violations: sum('violations'), seconds: sum('seconds') },
  };
}

/** One line for people. */
export function formatFigures(name: string, figures: Figures): string {
  const { sent, accepted, refused, served, money, takenOver, estimated, mismatches, violations, seconds } = figures;
  const { overspend, moneyOverspend, unused, moneyUnused } = figures;
  const spent = `${served} tokens served for ${money.toFixed(6)}`;
  const counts = `${sent} sent, ${accepted} accepted, ${refused} refused, ${spent}, ${takenOver} taken over, ${estimated} estimated`;
  const judged = `overspend ${overspend}, of money ${moneyOverspend.toFixed(6)}, mismatches ${mismatches}`;
  const left = `unused at most ${unused}, of money ${moneyUnused.toFixed(6)}, violations ${violations}`;
  return `${name.padEnd(44)} ${seconds.toFixed(1).padStart(6)} s  ${counts}; ${judged}, ${left}`;
}

/** What happened to messages of each kind, for a scenario that surprises. */
export function outcomesOf(evidence: TenantEvidence[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind, replies } of evidence.flatMap(({ sent }) => sent)) {
    const last = replies.at(-1);
    const name = `${kind} ${last?.outcome ?? 'nothing'}${last?.refusal === undefined ? '' : ` ${last.refusal.status} ${last.refusal.code}`}`;
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return counts;
}

function excessOf(violations: Violation[], of: Excess['of']): number {
  return violations.reduce((sum, { excess }) => sum + (excess?.of === of ? excess.amount : 0), 0);
}

function isOfMoney({ exhausted }: TenantEvidence): boolean {
  return exhausted === limitNames.cost;
}

function sumIn(evidence: TenantEvidence[], amountOf: (tenant: TenantEvidence) => number): number {
  return evidence.reduce((sum, tenant) => sum + amountOf(tenant), 0);
}
