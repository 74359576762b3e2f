import type { Language } from './entity-kinds.ts';
import { type Word, wordsOf } from './names/words.ts';

/** Digits in groups, as people write numbers: `+44 (0)20 7946-0958`. */
export interface NumberRun {
  start: number;
  end: number;
  groups: readonly DigitGroup[];
  /** What stands directly before the first digit of the run and belongs to it. */
  prefix: '' | '+' | '(' | '+(';
}

/** Digits without anything in between. */
export interface DigitGroup {
  start: number;
  end: number;
  digits: string;
  /** What separates it from the group before; empty for the first. */
  separator: string;
}

/** Neighbouring groups of a run, taken together. */
export interface DigitWindow {
  start: number;
  end: number;
  digits: string;
  groups: readonly DigitGroup[];
  /** Nothing stands before or after it in its run. */
  whole: boolean;
}

/** Digits with up to four signs between them. */
const run = /[+(]{0,2}\d+(?:[ \u00a0()./–-]{1,4}\d+)*/g;
/** What people write inside a number; anything else ends it. */
const separator = /^(?:[ \u00a0]|[ \u00a0]?[-–][ \u00a0]?|[./]|[ \u00a0]?\(|\)[ \u00a0]?[-–.]?[ \u00a0]?|\)?[-.]\(?)$/;
const wordBefore = /[\p{L}\p{N}_]$/u;
const wordAfter = /^[\p{L}\p{N}_]/u;

/** Groups of one run at most: longer ones are tables or noise, and are read in pieces. */
const maxGroups = 24;
/** Groups of one number at most: a French social security number has eight. */
const maxWindow = 8;

/** A text with what several recognizers look for in it, each found once and only when asked. */
export class TextInput {
  private foundNumbers: NumberRun[] | undefined;
  private foundWords: Word[] | undefined;
  private foundWindows: Map<number, DigitWindow[]> | undefined;

  readonly text: string;
  readonly language: Language;

  /** `language`: as the caller said, or as it was guessed. */
  constructor(text: string, language: Language = 'en') {
    this.text = text;
    this.language = language;
  }

  /** Runs of digits with what people write between them, in order. */
  get numbers(): readonly NumberRun[] {
    this.foundNumbers ??= numberRuns(this.text);
    return this.foundNumbers;
  }

  /** The words, in order. */
  get words(): readonly Word[] {
    this.foundWords ??= wordsOf(this.text);
    return this.foundWords;
  }

  /** Neighbouring groups of digits that have `length` digits together, 8 to 19. */
  windowsOf(length: number): readonly DigitWindow[] {
    this.foundWindows ??= Map.groupBy(
      this.numbers.flatMap((found) => [...digitWindows(found, 8, 19)]),
      ({ digits }) => digits.length,
    );
    return this.foundWindows.get(length) ?? [];
  }

  /** True when nothing that belongs to a word stands directly before and after. */
  standsAlone(start: number, end: number): boolean {
    const { text } = this;
    return !wordBefore.test(text.slice(Math.max(0, start - 2), start)) && !wordAfter.test(text.slice(end, end + 2));
  }
}

function numberRuns(text: string): NumberRun[] {
  const runs: NumberRun[] = [];
  run.lastIndex = 0;
  for (let match = run.exec(text); match !== null; match = run.exec(text)) {
    let groups: DigitGroup[] = [];
    const end = run.lastIndex;
    let last = match.index;
    for (let start = nextDigit(text, last, end); start < end; start = nextDigit(text, last, end)) {
      const between = groups.length === 0 ? '' : text.slice(last, start);
      last = nextNonDigit(text, start, end);
      if (
        groups.length === maxGroups ||
        (between !== '' && between !== ' ' && !separator.test(between) && !isBehindAreaCode(groups, between))
      ) {
        runs.push(runOf(text, groups));
        groups = [];
      }
      groups.push({ start, end: last, digits: text.slice(start, last), separator: groups.length === 0 ? '' : between });
    }
    runs.push(runOf(text, groups));
  }
  return runs;
}

/** `04421 / 55 50 12`: elsewhere a stroke with spaces stands between two numbers. */
function isBehindAreaCode(groups: readonly DigitGroup[], between: string): boolean {
  return groups.length === 1 && /^[ \u00a0]?\/[ \u00a0]?$/.test(between) && /^0\d{1,5}$/.test(groups[0]?.digits ?? '');
}

function nextDigit(text: string, from: number, end: number): number {
  let at = from;
  while (at < end && !isDigit(text.charCodeAt(at))) at += 1;
  return at;
}

function nextNonDigit(text: string, from: number, end: number): number {
  let at = from;
  while (at < end && isDigit(text.charCodeAt(at))) at += 1;
  return at;
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

function runOf(text: string, groups: DigitGroup[]): NumberRun {
  const [first, last] = [groups[0] as DigitGroup, groups.at(-1) as DigitGroup];
  const bracket = text[first.start - 1] === '(' ? '(' : '';
  const prefix: NumberRun['prefix'] = text[first.start - 1 - bracket.length] === '+' ? `+${bracket}` : bracket;
  return { start: first.start - prefix.length, end: last.end, groups, prefix };
}

/** All windows of whole groups whose digits together have between `least` and `most`; a bounded number begins at each group. */
function* digitWindows({ groups }: NumberRun, least: number, most: number): Generator<DigitWindow> {
  for (let from = 0; from < groups.length; from += 1) {
    let digits = '';
    for (let to = from; to < Math.min(groups.length, from + maxWindow); to += 1) {
      const group = groups[to] as DigitGroup;
      digits += group.digits;
      if (digits.length > most) break;
      if (digits.length < least) continue;
      const first = groups[from] as DigitGroup;
      yield {
        start: first.start,
        end: group.end,
        digits,
        groups: groups.slice(from, to + 1),
        whole: from === 0 && to === groups.length - 1,
      };
    }
  }
}
