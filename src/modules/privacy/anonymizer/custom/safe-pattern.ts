import { RE2JS, RE2JSCompileException, RE2JSSyntaxException } from 're2js';

/** Longest pattern, in characters. */
export const maxPatternLength = 500;

/** Largest program of a pattern, in RE2's instructions: each letter of a text costs at most so many steps. */
export const maxProgramSize = 500;

/** What is wrong with a pattern, in a sentence for whoever wrote it. */
export class BadPattern extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'BadPattern';
  }
}

/** Where a pattern was found: UTF-16 code units, `end` exclusive. */
export interface Place {
  start: number;
  end: number;
}

/** A pattern as a search needs it. */
export interface SearchPattern {
  /** Steps that each letter costs at most. */
  readonly size: number;
  /** Whether it is anywhere in the text. */
  isIn(text: string): boolean;
  /** The first place at or after `from`; empty ones are possible. */
  findFrom(text: string, from: number): Place | undefined;
}

/**
 * A regular expression of somebody who is not trusted, in RE2's syntax: it has neither back-references nor look-around, and one search
 * takes time linear in the text (https://github.com/google/re2/wiki/Syntax). A group that is named `value` is what was found;
 * where there is none, all of it is.
 */
export class SafePattern implements SearchPattern {
  private readonly expression: RE2JS;
  private readonly hasValue: boolean;
  readonly size: number;

  /** Throws BadPattern for what is no expression, too large, or content with nothing. */
  constructor(source: string, options: { caseSensitive: boolean }) {
    if (source.length > maxPatternLength) throw new BadPattern(`The pattern is longer than ${maxPatternLength} characters.`);
    this.expression = compiled(source, options.caseSensitive);
    this.size = this.expression.programSize();
    if (this.size > maxProgramSize)
      throw new BadPattern(
        `The pattern is too large: repetitions such as {1,100} count as often as they repeat, ${maxProgramSize} in all.`,
      );
    if (this.expression.test('')) throw new BadPattern('The pattern must not match the empty text.');
    this.hasValue = 'value' in this.expression.namedGroups();
  }

  isIn(text: string): boolean {
    return this.expression.test(text);
  }

  findFrom(text: string, from: number): Place | undefined {
    const matcher = this.expression.matcher(text);
    if (!matcher.find(from)) return undefined;
    const group = this.hasValue && matcher.start('value') >= 0 ? 'value' : 0;
    return { start: matcher.start(group), end: matcher.end(group) };
  }
}

function compiled(source: string, caseSensitive: boolean): RE2JS {
  try {
    return RE2JS.compile(source, caseSensitive ? 0 : RE2JS.CASE_INSENSITIVE);
  } catch (error) {
    if (/\(\?(?:<?[=!])/.test(source) || /\\[1-9]/.test(source))
      throw new BadPattern('Look-ahead, look-behind and back-references are not supported (the syntax is RE2).');
    if (!(error instanceof RE2JSSyntaxException) && !(error instanceof RE2JSCompileException)) throw error;
    throw new BadPattern(`The pattern is no valid RE2 expression: ${error.message.replace(/^error parsing regexp: /, '')}.`);
  }
}
