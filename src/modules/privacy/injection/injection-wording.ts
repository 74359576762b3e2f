import type { DetectionText, Word } from './detection-text.ts';
import { wordingBias, wordingEntries } from './injection-wording-weights.ts';

const weights = new Map(
  wordingEntries
    .trim()
    .split('\n')
    .map((line): [string, number] => {
      const at = line.lastIndexOf('=');
      return [line.slice(0, at), Number(line.slice(at + 1)) / 100];
    }),
);

/** Words that are judged together: an attack is a sentence or two, and a long innocent text must not gather what many short ones have. */
const windowWords = 60;
const windowStep = 30;

/** How words that follow each other within this distance are taken as a pair of meanings. */
const meaningReach = 4;

/** Letters in which forms of a word agree, as a feature of their own. */
const stemLength = 5;

/** Learnt evidence is held within these bounds, so that wording alone weighs about as much as one strong signal. */
const [lowest, highest] = [-2.5, 3.5];

/**
 * What the wording of a text speaks for, in log-odds: a linear model over words, pairs of neighbouring words and pairs of meanings, learnt from
 * the corpus (`scripts/train-injection.ts`). Of the window that speaks most for an attack.
 */
export function wordingLogit(read: DetectionText): number {
  return Math.min(highest, Math.max(lowest, ...windowsOf(read.words).map((words) => logitOf(wordingFeatures(words)))));
}

/** The windows of a text, in which stops count as words. */
export function windowsOf(words: readonly Word[]): (readonly Word[])[] {
  const windows: (readonly Word[])[] = [];
  for (let from = 0; from === 0 || from + windowWords - windowStep < words.length; from += windowStep)
    windows.push(words.slice(from, from + windowWords));
  return windows;
}

/** The features of a window, each once. */
export function wordingFeatures(words: readonly Word[]): Set<string> {
  const found = new Set<string>();
  let before: string | undefined;
  words.forEach((word, at) => {
    if (word.stop) {
      before = undefined;
      return;
    }
    for (const text of piecesOf(word.text)) {
      found.add(text);
      if (text.length > stemLength) found.add(`${text.slice(0, stemLength)}*`);
      found.add(`${before ?? '^'} ${text}`);
      before = text;
    }
    for (const meaning of word.meanings) {
      for (let next = at + 1; next <= at + meaningReach && next < words.length; next += 1)
        for (const other of (words[next] as Word).meanings) found.add(`#${meaning} #${other}`);
    }
  });
  return found;
}

const han = /\p{Script=Han}/u;

/** A word; Chinese, which has no spaces, in pairs of signs. */
function piecesOf(text: string): string[] {
  if (!han.test(text) || text.length < 3) return [text.slice(0, 24)];
  return Array.from({ length: text.length - 1 }, (_, at) => text.slice(at, at + 2));
}

function logitOf(features: ReadonlySet<string>): number {
  if (features.size === 0) return wordingBias;
  let sum = 0;
  for (const feature of features) sum += weights.get(feature) ?? 0;
  return wordingBias + sum / Math.sqrt(features.size);
}
