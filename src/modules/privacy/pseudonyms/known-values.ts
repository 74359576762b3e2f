/** Shortest and longest value that is looked for where no recognizer has found it, in characters. */
const shortest = 3;
const longest = 256;
/** Lengths that values with the same beginning may have at most; what goes beyond them is found by recognizers alone. */
const lengthsOfOneBeginning = 16;

const wordSign = /[\p{L}\p{N}]/u;

/** A value at its place. */
export interface KnownValue {
  start: number;
  end: number;
  value: string;
}

/**
 * Values that are known to be personal, to be found as words of their own wherever they stand. Goes by their first three characters, so that
 * a text costs the same however many there are.
 */
export class KnownValues {
  private readonly values: ReadonlySet<string>;
  /** Beginning to the lengths of the values that have it, the longest first. */
  private readonly lengths = new Map<number, number[]>();

  constructor(values: Iterable<string>) {
    this.values = new Set([...values].filter(({ length }) => length >= shortest && length <= longest));
    for (const value of this.values) {
      const beginning = beginningAt(value, 0);
      const lengths = this.lengths.get(beginning) ?? [];
      if (lengths.length < lengthsOfOneBeginning && !lengths.includes(value.length)) lengths.push(value.length);
      this.lengths.set(
        beginning,
        lengths.sort((a, b) => b - a),
      );
    }
  }

  /** Where they stand, in order and without overlaps; of several at one place the longest. */
  in(text: string): KnownValue[] {
    const found: KnownValue[] = [];
    if (this.values.size === 0) return found;
    for (let at = 0; at + shortest <= text.length; at += 1) {
      const lengths = this.lengths.get(beginningAt(text, at));
      if (lengths === undefined || isWordSign(text, at - 1)) continue;
      const length = lengths.find((each) => this.values.has(text.slice(at, at + each)) && !isWordSign(text, at + each));
      if (length === undefined) continue;
      found.push({ start: at, end: at + length, value: text.slice(at, at + length) });
      at += length - 1;
    }
    return found;
  }
}

/** Three code units as one number. */
function beginningAt(text: string, at: number): number {
  return (text.charCodeAt(at) * 0x1_0000 + text.charCodeAt(at + 1)) * 0x1_0000 + text.charCodeAt(at + 2);
}

function isWordSign(text: string, at: number): boolean {
  return at >= 0 && at < text.length && wordSign.test(text.charAt(at));
}
