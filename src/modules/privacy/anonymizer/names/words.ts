import { cueWords } from './cue-words.ts';
import { isGroup } from './nationality.ts';
import { isCommon, isFirstName, isLastName, isWord } from './word-lists.ts';

/** A word of a text. */
export interface Word {
  start: number;
  end: number;
  text: string;
  lower: string;
  /** Its first letter is a capital. */
  capital: boolean;
  /** All its letters are capitals, and there are at least two. */
  upper: boolean;
  /** The first of its sentence or line, where everything has a capital. */
  first: boolean;
  /** What stands between the word before and this one. */
  gap: string;
}

const word = /\p{L}[\p{L}\p{M}]*(?:['’-]\p{L}[\p{L}\p{M}]*)*/gu;
const possessive = /['’]s$/;
const sentenceEnd = /[.!?:;\n"“„»¿¡([*>•|`]\s*$|^\s*[-–]\s*$/;

/** The words of a text in order. A possessive ending is no part of its word. */
export function wordsOf(text: string): Word[] {
  const words: Word[] = [];
  let last = 0;
  word.lastIndex = 0;
  for (let match = word.exec(text); match !== null; match = word.exec(text)) {
    const full = match[0];
    const bare = full.replace(possessive, '');
    const gap = text.slice(Math.max(last, match.index - 12), match.index);
    const initial = bare[0] ?? '';
    const capital = initial !== initial.toLowerCase();
    words.push({
      start: match.index,
      end: match.index + bare.length,
      text: bare,
      lower: bare.toLowerCase().replaceAll('’', "'"),
      capital,
      upper: bare.length > 1 && capital && bare === bare.toUpperCase(),
      first: words.length === 0 || sentenceEnd.test(gap),
      gap,
    });
    last = match.index + full.length;
  }
  return words;
}

/** Whether a word continues the one before it: nothing but a space, or a point and a space behind an initial. */
export function follows(before: Word | undefined, next: Word | undefined): boolean {
  if (before === undefined || next === undefined) return false;
  // Behind a possessive ending something else begins.
  if (next.start - before.end > 2) return false;
  return (
    /^[ \u00a0\t]{1,2}$/.test(next.gap) ||
    (/^\.[ \u00a0]?$/.test(next.gap) && (before.text.length === 1 || titles.has(before.lower) || before.lower === 'st'))
  );
}

/** Whether a word may be a part of a name: a capital, and no word of the language that is not a name too. */
export function looksLikeName(of: Word | undefined): boolean {
  if (of === undefined || !of.capital || /^(?:I|Im|Ive)$/.test(of.text)) return false;
  if (of.text.length === 1) return !/^[AI]$/.test(of.text);
  // `IP`, `MRN`: abbreviations, unless somebody is called so.
  if (of.upper && of.text.length < 4 && !isFirstName(of.lower)) return false;
  if (isCommon(of.lower) || cueWords.has(of.lower) || (isGroup(of.lower) && !isFirstName(of.lower))) return false;
  return !isWord(of.lower) || isFirstName(of.lower) || isLastName(of.lower);
}

/** Capitals inside a word, as brands and programs have them; Scottish, Irish and French names as well. */
const innerCapital = /\p{Ll}\p{Lu}/u;
const nameBeginning = /^(?:Ma?c|De|Di|Du|La|Le|Van|Von|O|D|Fitz|Al|El|Mc|St)\p{Lu}/u;

/** More than one capital at the beginning: `IPv`, `APIs`. */
const abbreviation = /^\p{Lu}{2}/u;
/** Of other scripts it is not known what is a word, so that a capital says nothing. */
const latin = /^[\p{Script=Latin}\p{M}'’-]+$/u;

/** Whether a word that nobody has written down may be somebody's name: no word of a language, no abbreviation, no brand. */
export function isUnknownName(of: Word): boolean {
  if (!of.capital || of.text.length < 3 || !latin.test(of.text) || isWord(of.lower) || (of.upper && of.text.length < 5)) return false;
  if (abbreviation.test(of.text) && !of.upper) return false;
  if (
    /-(?!(?:upon|under|on|by|le|la|les|de|du|en|sur|sous|am|an|in|cum|al|el)-)\p{Ll}/u.test(of.text) ||
    cueWords.has(of.lower) ||
    isGroup(of.lower)
  )
    return false;
  return of.text.includes('-') || of.upper || !innerCapital.test(of.text) || nameBeginning.test(of.text) || /['’]/.test(of.text);
}

/** What the names of many towns begin with, in lower case: `Port Jessica`. */
export const townBeginnings: ReadonlySet<string> = new Set(
  'north east west south new lake port saint sainte santa san los las el bad fort mount villa ville castel monte rocca ponte sesto settimo borgo quarto alt neu groß klein bad sankt newton great little upper lower st'.split(
    ' ',
  ),
);

/** Small words inside names. */
export const particles: ReadonlySet<string> = new Set(
  'van von der den de la le du des di da dal del della dos das do el al bin ibn ben ter ten zu y af av mac st'.split(' '),
);

/** What stands before names, in lower case and without a point. */
export const titles: ReadonlySet<string> = new Set(
  'mr mrs ms miss mx dr prof professor sir dame mister doctor rev reverend capt captain sgt lt col herr herrn frau familie nurse uncle aunt auntie judge senator lord lady baroness baron pastor rabbi fr hr fräulein m mme mlle monsieur madame señor señora señorita sr sra srta don doña signor signora signorina sig dott dottoressa ing avv'.split(
    ' ',
  ),
);
