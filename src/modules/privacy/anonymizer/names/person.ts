import type { Finding, Recognizer } from '../recognizer.ts';
import { cueWords } from './cue-words.ts';
import { type Surroundings, surroundingsOf } from './surroundings.ts';
import { isCity, isCommon, isCountry, isFirstName, isLastName, isOnlyName, isRegion, isWord } from './word-lists.ts';
import { lowerName } from './lower-name.ts';
import { follows, isUnknownName, looksLikeName, particles, titles, townBeginnings, type Word } from './words.ts';

const suffixes: ReadonlySet<string> = new Set('jr sr ii iii iv phd md dds dvm esq'.split(' '));
/** What ends a name that is one of a company, a street or a place. */
const otherEndings: ReadonlySet<string> = new Set(
  'inc llc ltd gmbh ag plc corp corporation company co group holdings bank university college school hospital clinic pharmacy dental council trust academy hospice institute foundation street st avenue ave road rd lane drive boulevard blvd court square county city park river lake mountain island beach valley hills airport station hotel museum church straße strasse platz weg team department insurance airlines industries partners associates sons street and'.split(
    ' ',
  ),
);

/** What is said before somebody's name. Surer ones need no name that is known. */
const introductions =
  /(?:\b(?:my name is|my name's|name is|i am called|they call me|ich hei(?:ß|ss)e|mein name ist|je m['’]appelle|mon nom est|me llamo|mi nombre es|mi chiamo|il mio nome è|full name|first name|last name|customer name|patient name|cardholder|account holder|beneficiary|signed by|sincerely|best regards|kind regards|regards|cheers|mit freundlichen grüßen|viele grüße|cordialement|atentamente|cordiali saluti|saludos)\b|\b(?:name|nombre|nom|nome|patient|customer|employee|client|contact|attn|author|kunde|kundin)|\b(?:from|to|cc|by)[:=])[\s:,=>*"'-]{1,6}$/i;
const hints =
  /\b(?:i am|i'm|i’m|this is|it's|call me|ask for|speak (?:to|with)|talk to|met|meet|told|asked|dear|hi|hello|hey|thanks|thank you|by|for|with|and|mrs?|contact|patient|customer|colleague|friend|wife|husband|son|daughter|brother|sister|mother|father|boss|manager|doctor|ich bin|hier ist|hier spricht|liebe|lieber|hallo|je suis|c['’]est|cher|chère|bonjour|soy|hola|estimado|estimada|querido|querida|sono|caro|cara|ciao|gentile)[\s:,]{1,3}$/i;

/** The last words of introductions that say nothing but a name. */
const naming: ReadonlySet<string> = new Set("is name called name's chiamo llamo m'appelle appelle heiße ist es surname".split(' '));

const being: ReadonlySet<string> = new Set("am i'm bin suis soy sono".split(' '));

/** Words of a name at most. */
const longest = 6;

/** Names of people: by known names, titles, and what is said around them. */
export const person: Recognizer = {
  name: 'person',
  kinds: ['PERSON'],
  find(input) {
    const { text, words, language } = input;
    const found: Finding[] = [];
    let at = 0;
    while (at < words.length) {
      const name = nameAt({ text, words, german: language === 'de', english: language === 'en' }, at);
      if (name === undefined) {
        at += 1;
        continue;
      }
      const [first, last] = [words[name.from] as Word, words[name.to - 1] as Word];
      found.push({ kind: 'PERSON', start: first.start, end: last.end, confidence: name.confidence });
      at = Math.max(name.to, at + 1);
    }
    return found;
  },
};

interface Name {
  from: number;
  to: number;
  confidence: number;
}

interface Source {
  text: string;
  words: readonly Word[];
  /** Every noun has a capital, so that one says little. */
  german: boolean;
  /** What is no word of the language is known. */
  english: boolean;
}

function nameAt(source: Source, at: number): Name | undefined {
  const { text, words } = source;
  const word = words[at] as Word;
  if (titles.has(word.lower) && (word.capital || word.text.length > 2) && follows(word, words[at + 1]) && looksLikeName(words[at + 1])) {
    const to = nameEnd(words, at + 1);
    return endsOtherwise(words, at + 1, to) ? undefined : { from: at + 1, to, confidence: 0.85 };
  }
  if (word.text.length === 1 && !/^\.?[ \u00a0]?$/.test(words[at + 1]?.gap ?? '-')) return undefined;
  const ahead = text.slice(Math.max(0, word.start - 40), word.start);
  if (!word.capital) return lowerName(words, at, ahead, source.english);
  const initial = word.text.length === 1 && words[at + 1]?.gap.startsWith('.') === true;
  if (
    (!initial && !looksLikeName(word) && !isNamed(words, at, ahead)) ||
    (follows(words[at - 1], word) && looksLikeName(words[at - 1]) && !isFirstName(word.lower))
  )
    return undefined;
  const to = nameEnd(words, at);
  if (endsOtherwise(words, at, to)) return undefined;
  const reversed = reversedEnd(source, at, to);
  if (reversed !== undefined) return { from: at, to: reversed, confidence: 0.6 };
  const confidence = isGlued(text, word, words[to - 1] as Word) ? 0 : confidenceOf(source, at, to, ahead);
  return confidence === 0 ? undefined : { from: at, to, confidence };
}

/** A word that somebody says is their name, whatever else it means. */
function isNamed(words: readonly Word[], at: number, ahead: string): boolean {
  const word = words[at] as Word;
  const [previous, next] = [words[at - 1]?.lower ?? '', words[at + 1]];
  if (isCommon(word.lower) || cueWords.has(word.lower)) return false;
  if (being.has(previous) && next !== undefined && follows(word, next))
    return next.capital && (isUnknownName(next) || isLastName(next.lower));
  return naming.has(previous) && introductions.test(ahead);
}

/** A part of a longer sign: of an address, a path, a number, code. */
function isGlued(text: string, first: Word, last: Word): boolean {
  return (
    /[\p{N}_./\\=#&]$/u.test(text.slice(Math.max(0, first.start - 1), first.start)) ||
    /^(?:[\p{N}_@=\\/]|\.[\p{L}\p{N}])/u.test(text.slice(last.end, last.end + 2))
  );
}

function confidenceOf(source: Source, from: number, to: number, ahead: string): number {
  const { words, text } = source;
  const first = words[from] as Word;
  if (introductions.test(ahead) && !isCountry(first.lower)) return 0.85;
  const around = surroundingsOf(text, words, from, to);
  const hinted = around.person > 0 || hints.test(ahead);
  return to - from >= 2 ? ofSeveral(source, from, to, around, hinted) : ofOne(source, first, around, hinted);
}

function ofSeveral({ words, german }: Source, from: number, to: number, around: Surroundings, hinted: boolean): number {
  const [first, last] = [words[from] as Word, words[to - 1] as Word];
  const name = words
    .slice(from, to)
    .map(({ lower }) => lower)
    .join(' ');
  if (isCity(name)) return 0.2;
  const initial = /^\p{Lu}$/u.test(first.text);
  if (townBeginnings.has(first.lower) && around.place === 2) return 0.3;
  if (isFirstName(first.lower) && isOnlyName(first.lower)) return 0.85;
  if (isFirstName(first.lower) && (!first.first || isLastName(last.lower)))
    return isWord(last.lower) && !isOnlyName(last.lower) ? (hinted ? 0.6 : 0.42) : 0.8;
  if (initial && (isLastName(last.lower) || isUnknownName(last))) return 0.75;
  if (townBeginnings.has(first.lower)) return isLastName(last.lower) && hinted ? 0.55 : 0.25;
  if (around.place > around.person || around.company > 0) return 0.3;
  if (isLastName(first.lower) && isFirstName(last.lower) && isOnlyName(last.lower)) return 0.7;
  const names = words
    .slice(from, to)
    .filter((word) => isUnknownName(word) || isOnlyName(word.lower) || particles.has(word.lower) || word.text.length === 1).length;
  const known = words.slice(from, to).some((word) => isOnlyName(word.lower));
  if (names === to - from) return german && !(around.person > 0 || (hinted && known)) ? 0.25 : hinted ? 0.65 : 0.5;
  if (isLastName(last.lower) && !isWord(last.lower) && !first.first) return german ? 0.3 : 0.5;
  return hinted && names > 0 ? 0.5 : 0.25;
}

function ofOne({ german }: Source, word: Word, around: Surroundings, hinted: boolean): number {
  const first = isFirstName(word.lower);
  if (around.place > around.person || around.company > around.person)
    return first && !isCity(word.lower) && isOnlyName(word.lower) && around.company === 0 ? 0.45 : 0.2;
  if (isCountry(word.lower) || isRegion(word.lower)) return hinted && first ? 0.45 : 0.15;
  if (isCity(word.lower) && !(first && isOnlyName(word.lower))) return around.person === 2 ? 0.62 : 0.15;
  if (first ? !isOnlyName(word.lower) : isWord(word.lower)) return around.person === 2 || (first && hinted) ? 0.5 : 0.2;
  if (first) return word.upper ? 0.3 : hinted ? 0.75 : 0.6;
  if (isLastName(word.lower)) return hinted ? 0.6 : word.first || german ? 0.25 : 0.42;
  if (!isUnknownName(word)) return 0;
  if (around.person === 2) return 0.6;
  if (german || word.upper) return 0.2;
  return around.person === 1 ? 0.5 : word.first ? 0.3 : 0.42;
}

/** After the last word of a name that is turned round, `Haverford, Cecily`, at the beginning of a line or of a part of a list. */
function reversedEnd({ text, words }: Source, from: number, to: number): number | undefined {
  const [first, given] = [words[from] as Word, words[to]];
  if (given === undefined || given.gap !== ', ' || !(from === 0 || /[\n;:(]\s*$/.test(first.gap)) || to - from > 1) return undefined;
  if (isCity(first.lower) || isFirstName(first.lower) || !looksLikeName(given) || !(isFirstName(given.lower) || isUnknownName(given)))
    return undefined;
  if (isCountry(given.lower) || given.upper !== first.upper) return undefined;
  const end = follows(given, words[to + 1]) && looksLikeName(words[to + 1]) ? to + 2 : to + 1;
  const behind = text.slice((words[end - 1] as Word).end, (words[end - 1] as Word).end + 3);
  return behind === '' || /^(?:[;:\n(\t|]| [-–(|]|, ?[\d(])/.test(behind) || (isFirstName(given.lower) && !/^,? ?\p{Lu}/u.test(behind))
    ? end
    : undefined;
}

/** After the last word of the name that begins at `from`. */
function nameEnd(words: readonly Word[], from: number): number {
  let to = from + 1;
  while (to < words.length && to - from < longest && follows(words[to - 1], words[to])) {
    const word = words[to] as Word;
    const behind = words[to + 1];
    if (looksLikeName(word) || (word.capital && /^\p{Lu}$/u.test(word.text) && word.text !== 'I')) to += 1;
    else if (to === from + 1 && isSurnameLikeAWord(words, from, word)) to += 1;
    else if (
      particles.has(word.lower) &&
      behind !== undefined &&
      follows(word, behind) &&
      (looksLikeName(behind) || particles.has(behind.lower))
    )
      to += 1;
    else break;
  }
  // `Jr.` may stand behind a comma.
  const suffix = words[to];
  if (suffix !== undefined && suffixes.has(suffix.lower) && /^,? ?$/.test(suffix.gap)) to += 1;
  return to;
}

/** `Thatcher` behind a first name: a word of the language with a capital, with no further one behind it as in a heading. */
function isSurnameLikeAWord(words: readonly Word[], from: number, word: Word): boolean {
  const first = words[from] as Word;
  if (!word.capital || word.upper !== first.upper || isCommon(word.lower) || cueWords.has(word.lower) || otherEndings.has(word.lower))
    return false;
  if (!isFirstName(first.lower) || !isOnlyName(first.lower)) return false;
  const behind = words[words.indexOf(word, from) + 1];
  return !(follows(word, behind) && behind?.capital === true && !isFirstName(behind.lower) && !isLastName(behind.lower));
}

/** Whether the words are the name of something else. */
function endsOtherwise(words: readonly Word[], from: number, to: number): boolean {
  const last = words[to - 1];
  const behind = words[to];
  if (to - from > 1 && last !== undefined && otherEndings.has(last.lower) && !isLastName(last.lower)) return true;
  if (
    to - from > 1 &&
    last !== undefined &&
    /^(?:group|inc|llc|ltd|plc|corp|gmbh|ag|sons|bank|university|hospital|street|road|avenue)$/.test(last.lower)
  )
    return true;
  return behind !== undefined && behind.capital && otherEndings.has(behind.lower) && /^,? $/.test(behind.gap);
}
