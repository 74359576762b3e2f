import { longestPlaceholder, normalised, placeholderPattern } from './placeholders.ts';

/** An underscore that a model has escaped counts as one more. */
const longest = longestPlaceholder + 1;
const tail = /[0-9A-Za-z]*\\?_?[0-9A-Za-z]*$/;

/**
 * Puts values back where their placeholders stand, in a text that comes in pieces. Holds back at most as many characters as a placeholder has, and only
 * those that may still become one. What has the form of a placeholder and stands for nothing stays as it is.
 */
export class RestoringStream {
  private held = '';
  /** Whether the line so far has an odd number of quotes: what is put in then must not end the string of a JSON text. */
  private quoted = false;
  private readonly pattern: RegExp;
  private readonly starts: readonly string[];

  /** `values`: placeholder, in capitals, to value. */
  constructor(private readonly values: ReadonlyMap<string, string>) {
    this.pattern = placeholderPattern();
    this.starts = [...new Set([...values.keys()].map((placeholder) => placeholder.slice(0, placeholder.lastIndexOf('_') + 1)))];
  }

  /** Takes a piece; gives what is certain. */
  push(piece: string): string {
    return this.values.size === 0 ? piece : this.take(this.held + piece, false);
  }

  /** There is no more: gives what was held back. */
  end(): string {
    return this.take(this.held, true);
  }

  private take(text: string, last: boolean): string {
    let result = '';
    let at = 0;
    this.pattern.lastIndex = 0;
    for (let match = this.pattern.exec(text); match !== null; match = this.pattern.exec(text)) {
      const [placeholder, word = '', tag = ''] = match;
      const value = this.values.get(normalised(word, tag));
      // Another one may begin inside of what is none.
      if (value === undefined) {
        this.pattern.lastIndex = match.index + 1;
        continue;
      }
      result += this.passed(text.slice(at, match.index)) + (this.quoted ? JSON.stringify(value).slice(1, -1) : value);
      at = match.index + placeholder.length;
    }
    // What is whole has been taken: only what comes after it can be the beginning of another one.
    const rest = text.slice(at);
    const open = last ? 0 : this.openLength(rest);
    this.held = rest.slice(rest.length - open);
    return result + this.passed(rest.slice(0, rest.length - open));
  }

  /** Keeps count of the quotes of the line. */
  private passed(text: string): string {
    for (let at = 0; at < text.length; at += 1) {
      const sign = text[at];
      if (sign === '\\') at += 1;
      else if (sign === '"') this.quoted = !this.quoted;
      else if (sign === '\n') this.quoted = false;
    }
    return text;
  }

  /** Length of the longest ending that may be the beginning of a placeholder. */
  private openLength(text: string): number {
    const ending = tail.exec(text.slice(-longest))?.[0].toUpperCase() ?? '';
    for (let from = 0; from < ending.length; from += 1) {
      const begun = ending.slice(from).replace('\\', '');
      const open = this.starts.some((start) => start.startsWith(begun) || (begun.startsWith(start) && this.mayBecome(begun)));
      if (open) return ending.length - from;
    }
    return 0;
  }

  private mayBecome(begun: string): boolean {
    for (const placeholder of this.values.keys()) if (placeholder.length > begun.length && placeholder.startsWith(begun)) return true;
    return false;
  }
}
