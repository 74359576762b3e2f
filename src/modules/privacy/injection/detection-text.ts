import { stripHidden } from './hidden-characters.ts';
import { type Meaning, meaningsOf, splitChinese } from './injection-lexicon.ts';

/** A word of a text, or the end of a clause. */
export interface Word {
  text: string;
  meanings: ReadonlySet<Meaning>;
  /** True for what ends a sentence or a line. */
  stop: boolean;
}

/** A text as the detector reads it. */
export interface DetectionText {
  /** As it came, without what is hidden. */
  plain: string;
  /** Small letters, no accents, look-alikes as the letters that they look like. */
  folded: string;
  words: Word[];
  hidden: number;
  /** Words in which letters of several scripts stand for those of one. */
  mixed: number;
  /** What characters spell that nobody sees. */
  tagged: string;
}

/** Letters that look like Latin ones (Unicode TR 39, those of Cyrillic, Greek, Armenian and Cherokee that occur in words). */
const lookAlikes: Record<string, string> = Object.fromEntries(
  'аa вb еe ѕs іi їi јj кk мm нh оo рp сc тt уy хx ԁd ɡg һh ԛq ԝw ӏl αa βb εe ηn ιi κk νv οo ρp τt υu χx γy ωw ѵv ո n օo սu ց g ɑa ı i ʟl'
    .split(' ')
    .filter((pair) => pair.length === 2)
    .map((pair) => [pair[0] as string, pair[1] as string]),
);
const wordOrStop = /[\p{L}\p{M}\p{N}][\p{L}\p{M}\p{N}'’_-]*|[.!?;:\n。！？；：]/gu;
const foreign = /[\p{Script=Cyrillic}\p{Script=Greek}\p{Script=Armenian}]/u;
const latin = /[a-z]/;

/** Reads a text. Costs time that grows with its length alone. */
export function readForDetection(source: string): DetectionText {
  const { text: plain, tagged, hidden } = stripHidden(source);
  let mixed = 0;
  const small = plain.normalize('NFKC').toLowerCase();
  const latinized = (word: string): string => {
    if (!foreign.test(word) || !latin.test(word)) return word;
    mixed += 1;
    return word.replace(/./gu, (letter) => lookAlikes[letter] ?? letter);
  };
  const one = foreign.test(small) ? small.replace(/\p{L}+/gu, latinized) : small;
  const folded = one
    .normalize('NFD')
    .replace(/\p{M}+/gu, '')
    .replaceAll('ß', 'ss')
    .replace(/[‘’ʼ`´]/g, "'")
    .replace(/[“”„«»]/g, '"');
  return { plain, folded, words: wordsOf(splitChinese(folded)), hidden, mixed, tagged };
}

function wordsOf(folded: string): Word[] {
  const found: Word[] = [];
  for (const [text] of folded.matchAll(wordOrStop)) {
    const stop = text.length === 1 && !/[\p{L}\p{N}]/u.test(text);
    found.push({ text, meanings: new Set(stop ? [] : meaningsOf(text.replace(/'s$/, ''))), stop });
  }
  return found;
}
