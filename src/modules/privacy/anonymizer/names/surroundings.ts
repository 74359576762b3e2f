import {
  closings,
  companyWork,
  labels,
  movementBefore,
  moving,
  partOfPlace,
  personVerbs,
  placeBefore,
  streetEndings,
  strongBeforePerson,
  weakBeforePerson,
} from './cue-words.ts';
import { isCountry, isFirstName, isRegion } from './word-lists.ts';
import { titles, type Word } from './words.ts';

/** How much speaks for what a name may be of: 0 nothing, 1 something, 2 a lot. */
export interface Surroundings {
  person: number;
  place: number;
  company: number;
}

/** What stands between where something begins and where it ends. */
const onwards: ReadonlySet<string> = new Set('to nach via bis until a à'.split(' '));
const spaces = /^[ \u00a0\t]{1,2}$/;
/** Words that are looked back for what the sentence is about. */
const lookBack = 6;

/** What stands around the words `from` to before `to` and tells what they name. */
export function surroundingsOf(text: string, words: readonly Word[], from: number, to: number): Surroundings {
  const found: Surroundings = { person: 0, place: 0, company: 0 };
  const first = words[from] as Word;
  const last = words[to - 1] as Word;
  const previous = words[from - 1];
  if (previous !== undefined) lookBefore(words, from, first, previous, found);
  lookBehind(text, words, to, last, found);
  return found;
}

function lookBefore(words: readonly Word[], from: number, first: Word, previous: Word, found: Surroundings): void {
  const { gap } = first;
  if (gap.endsWith('@')) found.person = 2;
  if (spaces.test(gap)) {
    if (strongBeforePerson.has(previous.lower)) found.person = 2;
    else if (weakBeforePerson.has(previous.lower)) found.person = 1;
    if (placeBefore.has(previous.lower)) found.place = 2;
    else if (movementBefore.has(previous.lower)) {
      // `is a Norwegian`: the article, where it is no Italian or Spanish preposition.
      if (previous.lower === 'a' && /^(?:is|was|as|am|be|with|like|for|of|such|become|became)$/.test(words[from - 2]?.lower ?? '')) return;
      const moves = isMoving(words, from - 2);
      const english = previous.lower === 'from' || previous.lower === 'to' || previous.lower === 'at';
      found.place = moves ? 2 : english ? 1 : 0;
      if (!moves && found.person === 0) found.person = english && previous.lower !== 'at' ? 1 : 0;
      // `au nom de`, `a nombre de`, `in the name of`.
      if (/^n(?:om|ombre|ome)$/.test(words[from - 2]?.lower ?? '')) found.person = 2;
    }
    if ((previous.lower === 'for' || previous.lower === 'at') && companyWork.has(words[from - 2]?.lower ?? '')) found.company = 2;
    // `Ann, 34, of Derby`.
    if (previous.lower === 'of') found.place = previous.gap.includes(',') ? 2 : 0;
    // `in Berlin and Oaxaca`: what is true of the first is of the second.
    if (previous.lower === 'and' && words[from - 2]?.capital === true && placeBefore.has(words[from - 3]?.lower ?? '')) found.place = 2;
  } else if (/^[^\p{L}\n]*:[^\p{L}\n]*$/u.test(gap) || /^["'”]?[:=]/.test(gap)) {
    if (labels.person.has(previous.lower)) found.person = 2;
    if (labels.place.has(previous.lower)) found.place = 2;
  } else if (/^[,!.]*\s*\n+\s*[-–—]?\s*$/.test(gap)) {
    if (closings.has(previous.lower)) found.person = 2;
  } else if (/^\.?, $/.test(gap) && streetEndings.has(previous.lower)) {
    found.place = 2;
  } else if (
    /^,? /.test(gap) &&
    gap.length === 2 &&
    (closings.has(previous.lower) || previous.lower === 'hi' || previous.lower === 'hello')
  ) {
    found.person = Math.max(found.person, 1);
  }
}

function lookBehind(text: string, words: readonly Word[], to: number, last: Word, found: Surroundings): void {
  const behind = text.slice(last.end, last.end + 40);
  if (/^['’]s? /.test(behind)) found.person = Math.max(found.person, 1);
  if (/^[ ,]{1,2}[<(]?[\w.+-]{1,40}@/.test(behind)) found.person = 2;
  const next = words[to];
  if (next === undefined) return;
  // `Frauke and Jessica`: what is told of one is told of the other.
  if (next.lower === 'and' && spaces.test(next.gap) && words[to + 1]?.capital === true && isFirstName(words[to + 1]?.lower ?? ''))
    found.person = Math.max(found.person, 1);
  if (spaces.test(next.gap)) {
    // `von Husum nach Kiel gezogen`, `from Ely to Rye`.
    if (onwards.has(next.lower) && movementBefore.has(words[to - 2]?.lower ?? '') && words[to + 1]?.capital === true) found.place = 2;
    if (personVerbs.has(next.lower)) found.person = Math.max(found.person, 1);
    else if (partOfPlace.has(next.lower)) found.place = Math.max(found.place, 2);
  } else if (next.gap === ', ') {
    if ((next.upper && next.text.length === 2 && next.text !== 'PO') || isCountry(next.lower) || isRegion(next.lower)) found.place = 2;
  }
}

/** Whether the words up to `at` of the same sentence speak of going somewhere or being at home. */
function isMoving(words: readonly Word[], at: number): boolean {
  for (let index = at; index >= Math.max(0, at - lookBack); index -= 1) {
    const word = words[index];
    if (word === undefined) return false;
    if (moving.has(word.lower)) return true;
    if (titles.has(word.lower)) continue;
    if (/[.!?;\n]/.test(words[index + 1]?.gap ?? '')) return false;
  }
  return false;
}
