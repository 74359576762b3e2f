import type { Finding, Recognizer } from '../recognizer.ts';
import { streetEndings } from './cue-words.ts';
import { surroundingsOf } from './surroundings.ts';
import { isCity, isCommon, isCountry, isFirstName, isLastName, isRegion, isWord } from './word-lists.ts';
import { follows, isUnknownName, looksLikeName, townBeginnings, type Word } from './words.ts';

/** How towns end and begin that only a generator or a small map knows: `Port Jessica`, `New Johnmouth`. */
const townEnding =
  /^\p{Lu}\p{L}{2,}(?:town|ton|land|ville|berg|burgh|borough|bury|view|port|mouth|stad|furt|chester|fort|haven|side|shire|ham|burg|dorf|hausen|stadt|heim|field|ford|wood|bridge|sur-mer)$/u;
const whereabouts =
  /\b(?:in|from|to|near|at|around|outside|visit(?:ing|ed)?|leaving|live in|lives in|living in|moved to|born in|based in|travel(?:l?ing)? to|fl(?:y|ying|ight) to|city of|town of|state of|aus|nach|bei|wohne in|à|de|vers|desde|hacia|a|da|verso)\s$/i;

/** Small words inside the names of towns. */
const inTowns: ReadonlySet<string> = new Set('de del della di la las los le les upon on sur sous am an im in der do da'.split(' '));
const atHome = /\b(?:live|lives|living|lived|born|based|moved|moving|grew up|stay|staying) (?:in|to|near|from)\s$/;
const lowBefore: ReadonlySet<string> = new Set('in from to near at visiting via'.split(' '));

/** Words of the name of a place at most. */
const longest = 4;

/** Cities, regions and countries: those that are known, and those that look and stand like one. */
export const location: Recognizer = {
  name: 'location',
  kinds: ['LOCATION'],
  find({ text, words }) {
    const found: Finding[] = [];
    for (let at = 0; at < words.length; at += 1) {
      const place = placeAt(text, words, at);
      if (place === undefined) continue;
      const [first, last] = [words[at] as Word, words[place.to - 1] as Word];
      found.push({ kind: 'LOCATION', start: first.start, end: last.end, confidence: place.confidence });
      at = place.to - 1;
    }
    return found;
  },
};

function placeAt(text: string, words: readonly Word[], at: number): { to: number; confidence: number } | undefined {
  const first = words[at] as Word;
  if (!first.capital) return lowerPlace(text, words, at);
  if (isStreet(words, at)) return undefined;
  const ahead = text.slice(Math.max(0, first.start - 20), first.start);
  const stands = whereabouts.test(ahead);
  for (let to = Math.min(words.length, at + longest); to > at; to -= 1) {
    if (!joined(words, at, to)) continue;
    const name = words
      .slice(at, to)
      .map(({ lower }) => lower)
      .join(' ');
    if (isCommon(name)) continue;
    if (isCountry(name) || isRegion(name)) return { to, confidence: isFirstName(name) && !stands ? 0.45 : 0.8 };
    if (to === at + 1 && townBeginnings.has(name)) break;
    if (isCity(name)) return { to, confidence: ofCity(text, words, at, to, name, stands) };
  }
  return likely(words, at, stands, text);
}

function ofCity(text: string, words: readonly Word[], at: number, to: number, name: string, stands: boolean): number {
  if (to - at > 1) return stands ? 0.8 : 0.6;
  const first = words[at] as Word;
  const around = surroundingsOf(text, words, at, to);
  if (follows(first, words[to]) && looksLikeName(words[to])) return 0.3;
  if (around.place > around.person) return 0.8;
  if (around.person === 2 || (isWord(name) && around.place === 0)) return 0.3;
  if (isFirstName(name) || isLastName(name)) return stands ? 0.65 : 0.42;
  return stands ? 0.8 : 0.6;
}

function likely(words: readonly Word[], at: number, stands: boolean, text: string): { to: number; confidence: number } | undefined {
  const first = words[at] as Word;
  const next = words[at + 1];
  if (townBeginnings.has(first.lower) && next !== undefined && follows(first, next) && looksLikeName(next)) {
    const third = words[at + 2];
    return {
      to: third !== undefined && follows(next, third) && looksLikeName(third) && !stands ? at + 3 : at + 2,
      confidence: stands ? 0.65 : 0.45,
    };
  }
  // `Travis County`.
  if (
    next !== undefined &&
    follows(first, next) &&
    /^(?:County|Parish|Province|Island|Islands|Valley|Falls|Springs|Heights|Beach|Bay)$/.test(next.text) &&
    !isWord(first.lower)
  )
    return { to: at + 2, confidence: 0.6 };
  const unknown = isUnknownName(first);
  if (!unknown && (isCommon(first.lower) || !isLastName(first.lower))) return undefined;
  let to = at + 1;
  while (to < words.length && to - at < longest && follows(words[to - 1], words[to])) {
    if (looksLikeName(words[to])) to += 1;
    else if (inTowns.has(words[to]?.lower ?? '') && follows(words[to], words[to + 1]) && looksLikeName(words[to + 1])) to += 2;
    else break;
  }
  const { person, place, company } = surroundingsOf(text, words, at, to);
  if (company > 0 || isFirstName(first.lower)) return undefined;
  if (place > person) return { to, confidence: place === 2 ? (unknown ? 0.65 : 0.55) : 0.45 };
  const alone = to === at + 1;
  if (townEnding.test(first.text) && alone && person === 0) return { to, confidence: isLastName(first.lower) ? 0.2 : 0.43 };
  return place > 0 && place === person ? { to, confidence: 0.45 } : undefined;
}

/** `Bayswater Road` is an address. */
function isStreet(words: readonly Word[], at: number): boolean {
  const next = words[at + 1];
  return next !== undefined && next.capital && streetEndings.has(next.lower) && follows(words[at], next);
}

/** Towns that somebody has written small: after a word that says so. */
function lowerPlace(text: string, words: readonly Word[], at: number): { to: number; confidence: number } | undefined {
  const first = words[at] as Word;
  const previous = words[at - 1]?.lower ?? '';
  if (!lowBefore.has(previous) || first.text.length < 3 || isCommon(first.lower) || !/^ ?$/.test(first.gap)) return undefined;
  const next = words[at + 1];
  const both = next !== undefined && follows(first, next) ? `${first.lower} ${next.lower}` : '';
  if (isCity(both) || isCountry(both)) return { to: at + 2, confidence: 0.5 };
  if (isCity(first.lower) || isCountry(first.lower))
    return isWord(first.lower) || isFirstName(first.lower) ? undefined : { to: at + 1, confidence: 0.5 };
  const ahead = text.slice(Math.max(0, first.start - 20), first.start);
  if (first.text.length < 4 || !atHome.test(ahead) || isFirstName(first.lower) || isWord(first.lower)) return undefined;
  return { to: next !== undefined && follows(first, next) && !isWord(next.lower) ? at + 2 : at + 1, confidence: 0.45 };
}

function joined(words: readonly Word[], from: number, to: number): boolean {
  for (let at = from + 1; at < to; at += 1) if (!follows(words[at - 1], words[at])) return false;
  return words[to - 1]?.capital === true;
}
