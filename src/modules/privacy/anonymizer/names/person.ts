import type { Finding, Recognizer } from '../recognizer.ts';
import { isAmbiguous, isCity, isCommon, isCountry, isFirstName, isLastName } from './word-lists.ts';
import { follows, looksLikeName, titles, townBeginnings, type Word } from './words.ts';

/** Small words inside names. */
const particles: ReadonlySet<string> = new Set(
  'van von der den de la le du des di da dal del della dos das do el al bin ibn ben ter ten zu y af av mac st'.split(' '),
);
const suffixes: ReadonlySet<string> = new Set('jr sr ii iii iv phd md dds dvm esq'.split(' '));
/** What ends a name that is one of a company, a street or a place. */
const otherEndings: ReadonlySet<string> = new Set(
  'inc llc ltd gmbh ag plc corp corporation company co group holdings bank university college school hospital clinic institute foundation street st avenue ave road rd lane drive boulevard blvd court square county city park river lake mountain island beach valley hills airport station hotel museum church straße strasse platz weg team department insurance airlines industries partners associates sons street and'.split(
    ' ',
  ),
);

/** What is said before somebody's name. Surer ones need no name that is known. */
const introductions =
  /(?:\b(?:my name is|my name's|name is|i am called|they call me|ich hei(?:ß|ss)e|mein name ist|je m['’]appelle|mon nom est|me llamo|mi nombre es|mi chiamo|il mio nome è|full name|first name|last name|customer name|patient name|cardholder|account holder|beneficiary|signed by|sincerely|best regards|kind regards|regards|cheers|mit freundlichen grüßen|viele grüße|cordialement|atentamente|cordiali saluti|saludos)\b|\b(?:name|nombre|nom|nome|patient|customer|employee|client|contact|attn|author|kunde|kundin)|\b(?:from|to|cc|by)[:=])[\s:,=>*"'-]{1,6}$/i;
const hints =
  /\b(?:i am|i'm|i’m|this is|it's|call me|ask for|speak (?:to|with)|talk to|met|meet|told|asked|dear|hi|hello|hey|thanks|thank you|by|for|with|and|mrs?|contact|patient|customer|colleague|friend|wife|husband|son|daughter|brother|sister|mother|father|boss|manager|doctor|ich bin|hier ist|hier spricht|liebe|lieber|hallo|je suis|c['’]est|cher|chère|bonjour|soy|hola|estimado|estimada|querido|querida|sono|caro|cara|ciao|gentile)[\s:,]{1,3}$/i;

/** Words of a name at most. */
const longest = 6;

/** Names of people: by known names, titles, and what is said before them. */
export const person: Recognizer = {
  name: 'person',
  kinds: ['PERSON'],
  find(input) {
    const { text, words } = input;
    const found: Finding[] = [];
    let at = 0;
    while (at < words.length) {
      const name = nameAt(text, words, at);
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

function nameAt(text: string, words: readonly Word[], at: number): Name | undefined {
  const word = words[at] as Word;
  if (titles.has(word.lower) && word.capital && follows(word, words[at + 1]) && looksLikeName(words[at + 1])) {
    const to = nameEnd(words, at + 1);
    return endsOtherwise(words, at + 1, to) ? undefined : { from: at + 1, to, confidence: 0.85 };
  }
  if (word.text.length === 1 && !/^\.?[ \u00a0]?$/.test(words[at + 1]?.gap ?? '-')) return undefined;
  const ahead = text.slice(Math.max(0, word.start - 40), word.start);
  if (!word.capital) return lowerName(words, at, ahead);
  if (!looksLikeName(word) || (follows(words[at - 1], word) && looksLikeName(words[at - 1]) && !isFirstName(word.lower))) return undefined;
  const to = nameEnd(words, at);
  if (endsOtherwise(words, at, to)) return undefined;
  const confidence = confidenceOf(words, at, to, ahead);
  return confidence === 0 ? undefined : { from: at, to, confidence };
}

function confidenceOf(words: readonly Word[], from: number, to: number, ahead: string): number {
  const first = words[from] as Word;
  const last = words[to - 1] as Word;
  const known = isFirstName(first.lower) || /^\p{Lu}$/u.test(first.text);
  const introduced = introductions.test(ahead);
  if (introduced && !isCountry(first.lower)) return 0.85;
  if (to - from >= 2) {
    if (
      isCity(
        words
          .slice(from, to)
          .map(({ lower }) => lower)
          .join(' '),
      )
    )
      return 0.2;
    if (isFirstName(first.lower) && !(isAmbiguous(first.lower) && first.first && !isLastName(last.lower))) return 0.85;
    if (known && isLastName(last.lower)) return 0.75;
    if (isLastName(last.lower) && !first.first) return 0.6;
    if (isLastName(first.lower) && isFirstName(last.lower)) return 0.7;
    return hints.test(ahead) && !townBeginnings.has(first.lower) ? 0.55 : 0.25;
  }
  if (isCity(first.lower) || isCountry(first.lower)) return hints.test(ahead) && isFirstName(first.lower) ? 0.45 : 0.15;
  if (isAmbiguous(first.lower)) return hints.test(ahead) ? 0.5 : 0.2;
  if (isFirstName(first.lower)) return first.upper ? 0.3 : hints.test(ahead) ? 0.75 : 0.6;
  if (isLastName(first.lower)) return hints.test(ahead) ? 0.6 : first.first ? 0.25 : 0.42;
  return hints.test(ahead) &&
    /\b(?:i am|i'm|i’m|call me|dear|ich bin|soy|liebe|lieber|cher|chère|estimado|estimada|caro|cara)[\s:,]{1,3}$/i.test(ahead)
    ? 0.5
    : 0;
}

/** Names that somebody has written small: both must be known. */
function lowerName(words: readonly Word[], at: number, ahead: string): Name | undefined {
  const word = words[at] as Word;
  if (isCommon(word.lower) || particles.has(word.lower)) return undefined;
  const next = words[at + 1];
  const introduced =
    /\b(?:my name is|name's|i am|i'm|i’m|call me|ich hei(?:ß|ss)e|mein name ist|je m['’]appelle|me llamo|mi chiamo|name|dear|hi)[\s:,]{1,3}$/i.test(
      ahead,
    );
  if (!isFirstName(word.lower)) return undefined;
  const pair = next !== undefined && follows(word, next) && isLastName(next.lower) && !isCommon(next.lower);
  if (pair && (introduced || !isAmbiguous(word.lower)))
    return { from: at, to: at + 2, confidence: introduced ? 0.8 : isFirstName(next.lower) || isAmbiguous(next.lower) ? 0.42 : 0.5 };
  return introduced && !isAmbiguous(word.lower) ? { from: at, to: at + 1, confidence: 0.6 } : undefined;
}

/** After the last word of the name that begins at `from`. */
function nameEnd(words: readonly Word[], from: number): number {
  let to = from + 1;
  while (to < words.length && to - from < longest && follows(words[to - 1], words[to])) {
    const word = words[to] as Word;
    const behind = words[to + 1];
    if (looksLikeName(word) || (word.capital && /^\p{Lu}$/u.test(word.text) && word.text !== 'I')) to += 1;
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
