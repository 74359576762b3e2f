import type { EntityKind } from '../../../src/modules/privacy/anonymizer/entity-kinds.ts';
import { type Counts, ratesOf, sumOf } from './score.ts';

const columns = ['kind', 'wanted', 'found', 'precision', 'recall', 'F2', 'exact', 'hidden'];

/** A table in Markdown, the kinds that are wanted most often first; `exact` and `hidden` are rates of recall. */
export function qualityTable(counts: ReadonlyMap<EntityKind, Counts>): string {
  const rows = [...counts].toSorted(([, a], [, b]) => b.wanted - a.wanted || b.found - a.found);
  const table = [columns, ...rows.map(([kind, of]) => rowOf(kind, of)), rowOf('all', sumOf(counts.values()))];
  const widths = columns.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)));
  const written = table.map(
    (row) => `| ${row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join(' | ')} |`,
  );
  const rule = `| ${widths.map((width, at) => (at === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [written[0], rule, ...written.slice(1)].join('\n');
}

function rowOf(kind: string, of: Counts): string[] {
  const { precision, recall, f2, exactRecall, hiddenRecall } = ratesOf(of);
  const rates = [precision, recall, f2, exactRecall, hiddenRecall].map((rate) => (Number.isNaN(rate) ? '–' : rate.toFixed(3)));
  return [kind, String(of.wanted), String(of.found), ...rates];
}
