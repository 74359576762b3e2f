import { isAmbiguous, isCommon, isFirstName, isLastName, isOnlyName, isWord } from './word-lists.ts';
import { follows, particles, type Word } from './words.ts';

/** What stands before a first name that somebody has written small. */
const lowHints =
  /(?:^|[\s,.!?(])(?:hey|hi|hello|thanks|thank you|thx|ty|dear|its|it's|this is|i'm|im|i am|ask|tell|told|asked|call|text|email|mom|mum|dad|sister|brother|wife|husband|son|daughter|friend|boss|colleague|neighbo[u]?r|called|named|hallo|hola|ciao|bonjour|salut|from|with|by|to|for|and)[\s,]{1,2}$/i;

/** The name that begins at a word and that somebody has written small. `ahead`: what stands before it; `english`: what is no word of the language is known. */
export function lowerName(
  words: readonly Word[],
  at: number,
  ahead: string,
  english: boolean,
): { from: number; to: number; confidence: number } | undefined {
  const word = words[at] as Word;
  if (isCommon(word.lower) || particles.has(word.lower)) return undefined;
  const known = isFirstName(word.lower);
  const introduced =
    /\b(?:my name is|name's|i am|i'm|i’m|call me|ich hei(?:ß|ss)e|mein name ist|je m['’]appelle|me llamo|mi chiamo|name|dear|hi)[\s:,]{1,3}$/i.test(
      ahead,
    );
  if (!known && !introduced) return undefined;
  const next = words[at + 1];
  const pair =
    next !== undefined &&
    follows(word, next) &&
    !next.capital &&
    !isCommon(next.lower) &&
    (isLastName(next.lower) || (english && !isWord(next.lower))) &&
    next.text.length > 2;
  if (!known) {
    const named = /\b(?:name is|name's|call me|hei(?:ß|ss)e|name ist|m['’]appelle|me llamo|mi chiamo)[\s:,]{1,3}$/i.test(ahead);
    if (isWord(word.lower) || (!named && !(english && pair && word.text.length > 3))) return undefined;
    return { from: at, to: pair ? at + 2 : at + 1, confidence: named ? 0.6 : 0.5 };
  }
  const sure = isOnlyName(word.lower);
  if (pair && (introduced || sure))
    return { from: at, to: at + 2, confidence: introduced ? 0.8 : isLastName(next.lower) && !isWord(next.lower) ? 0.5 : sure ? 0.42 : 0.3 };
  if (introduced && !isAmbiguous(word.lower)) return { from: at, to: at + 1, confidence: 0.6 };
  return sure && word.text.length > 2 && lowHints.test(ahead) ? { from: at, to: at + 1, confidence: 0.5 } : undefined;
}
