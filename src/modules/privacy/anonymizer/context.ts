import type { ContextRule, Finding } from './recognizer.ts';

/** Characters before and after a finding in which words count as its context. */
const before = 48;
const after = 24;

/** How much a word of the context adds, and takes. */
const raise = 0.4;
const lower = 0.4;

/** The finding with its context taken into account: of the words before it, the last one counts. */
export function inContext(text: string, finding: Finding, rule: ContextRule | undefined): Finding {
  if (rule === undefined) return finding;
  const ahead = text.slice(Math.max(0, finding.start - before), finding.start).toLowerCase();
  const [speaksFor, speaksAgainst] = [lastOf(ahead, rule.for), lastOf(ahead, rule.against)];
  const behind = () =>
    rule.for !== undefined &&
    text
      .slice(finding.end, finding.end + after)
      .toLowerCase()
      .search(rule.for) !== -1;
  const change = speaksFor > speaksAgainst ? raise : speaksAgainst > -1 ? -lower : behind() ? raise : 0;
  return { ...finding, confidence: Math.min(1, Math.max(0, finding.confidence + change)) };
}

/** Where the last word of the context begins; -1 when there is none. */
function lastOf(text: string, words: RegExp | undefined): number {
  if (words === undefined) return -1;
  let last = -1;
  // By hand: `matchAll` copies the expression each time, which costs more than the search.
  words.lastIndex = 0;
  for (let match = words.exec(text); match !== null; match = words.exec(text)) last = match.index;
  return last;
}

/** An expression that finds any of some words, which may go on (`call` in `calling`); a `!` behind one says that it may not. */
export function anyOf(words: string): RegExp {
  const alternatives = words
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '')
    .map((word) =>
      word
        .replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
        .replaceAll(' ', String.raw`[\s_.-]*`)
        .replace(/!$/, String.raw`(?!\p{L})`),
    );
  return new RegExp(String.raw`(?<![\p{L}\d])(?:${alternatives.join('|')})`, 'gu');
}
