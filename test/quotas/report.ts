import { type TenantEvidence, costOf, wasAccepted, wasRefused } from './checker/evidence.ts';
import { unusedOf } from './checker/counter-rules.ts';
import type { Violation, ViolationKind } from './checker/violation.ts';
import type { ScenarioResult } from './scenario-run.ts';

/** Figures of one scenario, or of all together. */
export interface Figures {
  runs: number;
  sent: number;
  accepted: number;
  refused: number;
  /** Tokens that the model server has served, and those of them beyond a limit. */
  served: number;
  overspend: number;
  /** Turns that another replica has taken over, and calls that are booked without the provider's word. */
  takenOver: number;
  estimated: number;
  /** Requests, rows and counters that do not agree. */
  mismatches: number;
  /** Most tokens, or messages, that were left when a limit refused. */
  unused: number;
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
    served: evidence.flatMap(({ served }) => served).reduce((sum, call) => sum + costOf(call), 0),
    overspend: excessOf(violations),
    takenOver: evidence.flatMap(({ turns }) => turns).filter(({ attempt }) => attempt > 1).length,
    estimated: evidence.flatMap(({ ledger }) => ledger).filter(({ state, estimated }) => state === 'settled' && estimated).length,
    mismatches: violations.filter(({ kind }) => mismatching.has(kind)).length,
    unused: Math.max(0, ...evidence.map((tenant) => unusedOf(tenant) ?? 0)),
    violations: violations.length,
    seconds,
  };
}

/** All together. */
export function sumOf(all: Figures[]): Figures {
  const sum = (name: keyof Figures) => all.reduce((total, figures) => total + figures[name], 0);
  return {
    ...{ runs: sum('runs'), sent: sum('sent'), accepted: sum('accepted'), refused: sum('refused'), served: sum('served') },
    ...{ takenOver: sum('takenOver'), estimated: sum('estimated') },
    ...{ overspend: sum('overspend'), mismatches: sum('mismatches'), unused: Math.max(0, ...all.map(({ unused }) => unused)) },
    ...{ violations: sum('violations'), seconds: sum('seconds') },
  };
}

/** One line for people. */
export function formatFigures(name: string, figures: Figures): string {
  const { sent, accepted, refused, served, takenOver, estimated, overspend, mismatches, unused, violations, seconds } = figures;
  const counts = `${sent} sent, ${accepted} accepted, ${refused} refused, ${served} tokens served, ${takenOver} taken over, ${estimated} estimated`;
  const judged = `overspend ${overspend}, mismatches ${mismatches}, unused at most ${unused}, violations ${violations}`;
  return `${name.padEnd(44)} ${seconds.toFixed(1).padStart(6)} s  ${counts}; ${judged}`;
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

function excessOf(violations: Violation[]): number {
  return violations.reduce((sum, { excess = 0 }) => sum + excess, 0);
}
