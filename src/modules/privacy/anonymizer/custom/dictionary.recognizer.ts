import Exact from 'modern-ahocorasick/fast';
import type { BoundaryContext } from 'modern-ahocorasick';
import Folded from 'modern-ahocorasick/unicode-fast';
import type { Finding, Recognizer } from '../recognizer.ts';
import type { CustomDictionary } from './custom-data.schemas.ts';

/** Letters and digits of scripts that write spaces between words. */
const inWord = /[\p{N}\p{L}]/u;
const withoutSpaces = /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]/u;

/** Signs that a term may have in place of a space, one for one so that offsets stay. */
const space = /[\s\u00a0]/g;

/**
 * Recognizer of the terms of one dictionary, as whole words (Aho-Corasick: one pass whatever the number of terms). Without regard to case
 * unless it says otherwise, `ß` as `ss` then; a line break between two words of a term is a space.
 */
export function dictionaryRecognizer({ name, terms, case_sensitive, kind, confidence }: CustomDictionary): Recognizer {
  const patterns = terms.map((term) => term.replace(space, ' '));
  const matcher = new (case_sensitive ? Exact : Folded)(patterns, { boundary: isWhole });
  return {
    name: `custom:${name}`,
    kinds: [kind],
    find: ({ text }) =>
      matcher
        .search(text.replace(space, ' '), { strategy: 'leftmost-longest' })
        .map(({ start, end }): Finding => ({ kind, start, end, confidence })),
  };
}

/** True when neither end of a term stands within a longer word. */
function isWhole({ left, right, first, last }: BoundaryContext): boolean {
  return !goesOn(left, first) && !goesOn(last, right);
}

function goesOn(before: string | undefined, after: string | undefined): boolean {
  if (before === undefined || after === undefined) return false;
  return [before, after].every((letter) => inWord.test(letter) && !withoutSpaces.test(letter));
}
