import type { Finding, Recognizer } from '../recognizer.ts';
import { isCity, isCommon, isCountry, isFirstName, isLastName } from './word-lists.ts';
import { follows, looksLikeName, townBeginnings, type Word } from './words.ts';

const regions: ReadonlySet<string> = new Set(
  'alabama|alaska|arizona|arkansas|california|colorado|connecticut|delaware|florida|georgia|hawaii|idaho|illinois|indiana|iowa|kansas|kentucky|louisiana|maine|maryland|massachusetts|michigan|minnesota|mississippi|missouri|montana|nebraska|nevada|new hampshire|new jersey|new mexico|new york|north carolina|north dakota|ohio|oklahoma|oregon|pennsylvania|rhode island|south carolina|south dakota|tennessee|texas|utah|vermont|virginia|washington|west virginia|wisconsin|wyoming|ontario|quebec|québec|british columbia|alberta|manitoba|nova scotia|new south wales|queensland|tasmania|bavaria|bayern|saxony|sachsen|hessen|hesse|tyrol|tirol|normandy|normandie|brittany|bretagne|provence|catalonia|cataluña|andalucía|andalusia|tuscany|toscana|lombardy|lombardia|sicily|sicilia|sardinia|piedmont|europe|asia|africa|north america|south america|middle east|latin america|scandinavia|silicon valley|balkans|caribbean|manhattan|brooklyn|queens|the bronx|yorkshire|kent|essex|sussex|surrey|cornwall|devon|norfolk|lancashire|midlands'.split(
    '|',
  ),
);
/** How towns end and begin that only a generator or a small map knows: `Port Jessica`, `New Johnmouth`. */
const townEnding =
  /^\p{Lu}\p{L}{2,}(?:town|ton|land|ville|berg|burgh|borough|bury|view|port|mouth|stad|furt|chester|fort|haven|side|shire|ham|burg|dorf|hausen|stadt|heim|field|ford|wood|bridge|sur-mer)$/u;
const whereabouts =
  /\b(?:in|from|to|near|at|around|outside|visit(?:ing|ed)?|leaving|live in|lives in|living in|moved to|born in|based in|travel(?:l?ing)? to|fl(?:y|ying|ight) to|city of|town of|state of|aus|nach|bei|wohne in|à|de|vers|desde|hacia|a|da|verso)\s$/i;

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
  if (!first.capital) return undefined;
  const ahead = text.slice(Math.max(0, first.start - 20), first.start);
  const stands = whereabouts.test(ahead);
  for (let to = Math.min(words.length, at + longest); to > at; to -= 1) {
    if (!joined(words, at, to)) continue;
    const name = words
      .slice(at, to)
      .map(({ lower }) => lower)
      .join(' ');
    if (isCommon(name)) continue;
    if (isCountry(name) || regions.has(name)) return { to, confidence: isFirstName(name) && !stands ? 0.45 : 0.8 };
    if (isCity(name)) {
      const doubtful = to - at === 1 && (isFirstName(name) || isLastName(name));
      const partOfName = to - at === 1 && follows(first, words[to]) && looksLikeName(words[to]);
      return { to, confidence: stands ? 0.8 : partOfName ? 0.3 : doubtful ? 0.42 : 0.6 };
    }
  }
  return likely(words, at, stands, text);
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
  if (isCommon(first.lower)) return undefined;
  const alone = !(follows(first, next) && looksLikeName(next));
  if (townEnding.test(first.text) && !isFirstName(first.lower) && alone)
    return { to: at + 1, confidence: stands ? 0.7 : isLastName(first.lower) ? 0.2 : 0.42 };
  if (/^, ?(?:[A-Z]{2})(?![A-Za-z])/.test(text.slice(first.end, first.end + 5)) && alone) return { to: at + 1, confidence: 0.6 };
  if (!stands || isFirstName(first.lower) || first.upper) return undefined;
  const sure = /\b(?:live in|lives in|living in|moved to|born in|based in|city of|town of|wohne in|flight to)\s$/i.test(
    text.slice(Math.max(0, first.start - 20), first.start),
  );
  return sure ? { to: alone ? at + 1 : at + 2, confidence: 0.5 } : undefined;
}

function joined(words: readonly Word[], from: number, to: number): boolean {
  for (let at = from + 1; at < to; at += 1) if (!follows(words[at - 1], words[at])) return false;
  return words[to - 1]?.capital === true;
}
