import type { EntityKind } from './entity-kinds.ts';
import type { Span } from './recognizer.ts';

/** Kinds that say less than any other of the same letters. */
const vague: ReadonlySet<EntityKind> = new Set([
  'PHONE_NUMBER',
  'US_BANK_NUMBER',
  'DATE_TIME',
  'LOCATION',
  'ORGANIZATION',
  'PERSON',
  'NRP',
]);

/** Signs of a remaining piece at least: one alone tells nobody anything. */
const shortestRest = 2;

/** How much surer the part of a longer finding has to be to win against it. */
const margin = 0.3;

/**
 * One finding for each letter of the text: the surest, where one holds another mostly the longer one. What a less sure one has beside it is a
 * finding of its own, so that nothing that somebody took for personal stays in clear. In the order of the text.
 */
export function withoutOverlaps(spans: readonly Span[], text: string): Span[] {
  const chosen: Span[] = [];
  let touching: Span[] = [];
  let end = 0;
  for (const span of spans.toSorted((a, b) => a.start - b.start)) {
    if (span.start >= end && touching.length > 0) {
      for (const each of chooseFrom(touching, text)) chosen.push(each);
      touching = [];
    }
    touching.push(span);
    end = Math.max(end, span.end);
  }
  for (const each of chooseFrom(touching, text)) chosen.push(each);
  return chosen;
}

/** Chooses among findings of one stretch, each of which overlaps with another. */
function chooseFrom(spans: readonly Span[], text: string): Span[] {
  if (spans.length < 2) return [...spans];
  const byWeight = spans.toSorted(
    (a, b) => weightOf(b) - weightOf(a) || b.end - b.start - (a.end - a.start) || a.start - b.start || a.kind.localeCompare(b.kind),
  );
  const taken: Span[] = [];
  for (const span of byWeight) {
    const at = lastBefore(taken, span.end);
    const rival = taken[at];
    if (rival === undefined || rival.end <= span.start) taken.splice(at + 1, 0, span);
    else if (holds(span, rival) && !holdsAnother(taken, at, span)) taken[at] = span;
    else for (const rest of restsOf(span, taken, at, text)) taken.splice(lastBefore(taken, rest.end) + 1, 0, rest);
  }
  return taken;
}

/** What a finding has beside those that are taken, the last of which that it touches is at `at`: pieces of at least two signs, without signs of punctuation at their ends. */
function restsOf(span: Span, taken: readonly Span[], at: number, text: string): Span[] {
  const rests: Span[] = [];
  let end = span.end;
  for (let index = at; index >= -1 && end > span.start; index -= 1) {
    const rival = taken[index];
    const from = Math.max(span.start, rival?.end ?? 0);
    const piece = text.slice(from, end);
    const bare = piece.replace(/^[^\p{L}\p{N}]+/u, '');
    const start = from + piece.length - bare.length;
    const length = bare.search(/[^\p{L}\p{N}]*$/u);
    if (length >= shortestRest) rests.push({ ...span, start, end: start + length });
    end = Math.min(end, rival?.start ?? 0);
  }
  return rests;
}

/** Whether a finding is more of the same than the surer one inside it. */
function holds(span: Span, inner: Span): boolean {
  const longer = span.start <= inner.start && span.end >= inner.end && span.end - span.start > inner.end - inner.start;
  return longer && span.confidence >= inner.confidence - margin && (!vague.has(span.kind) || vague.has(inner.kind));
}

function weightOf({ confidence, kind }: Span): number {
  return vague.has(kind) ? confidence - 0.05 : confidence;
}

/** True when a longer finding would take the place of more than one. */
function holdsAnother(taken: Span[], at: number, { start }: Span): boolean {
  const other = taken[at - 1];
  return other !== undefined && other.end > start;
}

/** Index of the last taken span that begins before `end`; -1 for none. They are in order. */
function lastBefore(taken: Span[], end: number): number {
  let low = 0;
  let high = taken.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((taken[middle] as Span).start < end) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
