import type { EntityKind } from '../../../src/modules/privacy/anonymizer/entity-kinds.ts';
import type { Span } from '../../../src/modules/privacy/anonymizer/recognizer.ts';
import type { MarkedText, WantedSpan } from './marked-text.ts';

/** What was counted of one kind, or of all together. */
export interface Counts {
  wanted: number;
  /** Wanted pieces of which findings of their kind cover half or more. */
  hit: number;
  /** Wanted pieces that a finding of their kind has with exactly their ends. */
  exact: number;
  found: number;
  /** Findings half or more of which lies in wanted pieces of their kind. */
  right: number;
  /** Wanted pieces of which findings of any kind cover half or more: what does not stay in clear, whatever it was taken for. */
  hidden: number;
}

/** Rates from 0 to 1; NaN where there is nothing to divide by. */
export interface Rates {
  precision: number;
  recall: number;
  exactRecall: number;
  hiddenRecall: number;
  /** Precision and recall in one, where recall weighs twice as much (van Rijsbergen's F with beta = 2). */
  f2: number;
}

interface Stretch {
  start: number;
  end: number;
}

/** Counts by kind; what is found without being wanted anywhere counts against the kind that it was taken for. */
export function score(texts: readonly MarkedText[], find: (text: string) => readonly Span[]): Map<EntityKind, Counts> {
  const counts = new Map<EntityKind, Counts>();
  const of = (kind: EntityKind): Counts => {
    const known = counts.get(kind) ?? { wanted: 0, hit: 0, exact: 0, found: 0, right: 0, hidden: 0 };
    counts.set(kind, known);
    return known;
  };
  for (const { text, wanted } of texts) {
    const found = find(text).map((span) => ({ ...span, kind: comparedKind(span.kind) }));
    for (const piece of wanted.filter(({ optional }) => !optional)) {
      const kind = of(comparedKind(piece.kind));
      const same = found.filter((span) => span.kind === comparedKind(piece.kind));
      kind.wanted += 1;
      if (isHalfCovered(piece, same)) kind.hit += 1;
      if (isHalfCovered(piece, found)) kind.hidden += 1;
      if (same.some(({ start, end }) => start === piece.start && end === piece.end)) kind.exact += 1;
    }
    for (const span of found) {
      if (isOptional(span, wanted)) continue;
      const kind = of(span.kind);
      kind.found += 1;
      if (
        isHalfCovered(
          span,
          wanted.filter((piece) => comparedKind(piece.kind) === span.kind),
        )
      )
        kind.right += 1;
    }
  }
  return counts;
}

/** Sum over all kinds (micro average). */
export function sumOf(counts: Iterable<Counts>): Counts {
  const sum: Counts = { wanted: 0, hit: 0, exact: 0, found: 0, right: 0, hidden: 0 };
  for (const each of counts) for (const key of Object.keys(sum) as (keyof Counts)[]) sum[key] += each[key];
  return sum;
}

/** Rates of what was counted. */
export function ratesOf({ wanted, hit, exact, found, right, hidden }: Counts): Rates {
  const [precision, recall] = [right / found, hit / wanted];
  const f2 = hit === 0 || right === 0 ? 0 : (5 * precision * recall) / (4 * precision + recall);
  return { precision, recall, exactRecall: exact / wanted, hiddenRecall: hidden / wanted, f2 };
}

/** A date of birth is a date: which of the two a text wants is a matter of taste. */
function comparedKind(kind: EntityKind): EntityKind {
  return kind === 'DATE_OF_BIRTH' ? 'DATE_TIME' : kind;
}

function isHalfCovered({ start, end }: Stretch, by: readonly Stretch[]): boolean {
  const covered = by.reduce((sum, each) => sum + Math.max(0, Math.min(end, each.end) - Math.max(start, each.start)), 0);
  return covered * 2 >= end - start;
}

function isOptional(span: Stretch, wanted: readonly WantedSpan[]): boolean {
  return isHalfCovered(
    span,
    wanted.filter(({ optional }) => optional),
  );
}
