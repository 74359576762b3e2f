import { describe, expect, it } from 'vitest';
import { findBounded } from './bounded-search.ts';
import { type Place, SafePattern, type SearchPattern } from './safe-pattern.ts';

/** Counts the letters that searches were shown. */
class CountedPattern implements SearchPattern {
  letters = 0;
  private readonly pattern: SafePattern;
  readonly size: number;

  constructor(source: string) {
    this.pattern = new SafePattern(source, { caseSensitive: false });
    this.size = this.pattern.size;
  }

  isIn(text: string): boolean {
    this.letters += text.length;
    return this.pattern.isIn(text);
  }

  findFrom(text: string, from: number): Place | undefined {
    this.letters += text.length - from;
    return this.pattern.findFrom(text, from);
  }
}

const textsOf = (source: string, text: string) =>
  findBounded(new SafePattern(source, { caseSensitive: false }), text).map(({ start, end }) => text.slice(start, end));

describe('findBounded', () => {
  it('finds what one search over the whole text finds, wherever windows begin and end', () => {
    for (let shift = 0; shift < 600; shift += 1) {
      const text = `${'x'.repeat(shift)} EMP-12345, EMP-9, ${'y '.repeat(200)} emp-77777 z`;
      expect(textsOf(String.raw`\bEMP-\d+\b`, text), `shifted by ${shift}`).toEqual(['EMP-12345', 'EMP-9', 'emp-77777']);
    }
  });

  it('sees what stands before a window: no word begins there by itself', () => {
    const text = `${'a'.repeat(1_000)}1`;
    expect(textsOf(String.raw`\ba\d?`, text)).toEqual(['a']);
    expect(textsOf('^a', text)).toEqual(['a']);
  });

  it('counts in UTF-16 code units, also where a window cuts a pair', () => {
    for (let shift = 250; shift < 260; shift += 1) {
      const text = `${'-'.repeat(shift)}😀K-1😀K-2`;
      expect(textsOf(String.raw`K-\d`, text)).toEqual(['K-1', 'K-2']);
    }
  });

  it('leaves out empty places and comes to an end', () => {
    expect(textsOf(String.raw`\b|7`, 'a 7 b')).toEqual([]);
  });

  it('narrows to the group named value', () => {
    expect(textsOf(String.raw`badge no\.? (?P<value>\d{4})`, 'Badge no. 1234 and badge 5678')).toEqual(['1234']);
  });

  it.each([
    ['looks ahead in vain for every letter', '(?:a+b)|a', 'a'],
    ['large program', String.raw`(?:(?:a|aa|aaa|b|c){1,40}x)|a`, 'a'],
    ['many short places', String.raw`\d`, '1'],
  ])('costs linear time: %s', (_, source, letter) => {
    const lettersFor = (length: number) => {
      const pattern = new CountedPattern(source);
      const text = letter.repeat(length);
      const places = findBounded(pattern, text);
      // However little is looked at, nothing of what matches is left out.
      expect(places.reduce((sum, { start, end }) => sum + end - start, 0)).toBe(length);
      return pattern.letters * pattern.size;
    };
    const [once, twice] = [lettersFor(40_000), lettersFor(80_000)];
    expect(twice / once).toBeLessThan(2.1);
    // 250 steps a letter, those that are sure, and two searches of each window.
    expect(twice).toBeLessThan(2_000_000 + 80_000 * (250 + 4 * new SafePattern(source, { caseSensitive: false }).size));
  });
});
