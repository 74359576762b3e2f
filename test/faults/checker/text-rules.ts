import { type SentMessage, wordPattern } from '../support/history.ts';
import type { Violation, ViolationKind } from './violation.ts';

/**
 * Says what is wrong with a text that should be the beginning of a message's answer, by its words: words of others, words that
 * come twice, that are missing, or that stand in another order. `where` names the witness.
 */
export function judgeText(message: Pick<SentMessage, 'key' | 'tenant' | 'expected'>, text: string, where: string): Violation[] {
  const words = [...text.matchAll(wordPattern)];
  const foreign = words.find(([, letter, number]) => `T${letter}x${number}` !== message.key);
  if (foreign !== undefined) {
    const whose = foreign[1] === message.tenant ? 'another conversation' : 'another tenant';
    return [{ kind: 'foreign', key: message.key, detail: `${foreign[0]} of ${whose} in what was ${where}` }];
  }
  if (message.expected.startsWith(text)) return [];
  const numbers = words.flatMap((word) => (word[3] === undefined ? [] : [Number(word[3])]));
  const broken = numbers.findIndex((number, at) => number !== at);
  return [{ kind: kindOf(numbers, broken), key: message.key, detail: detailOf(numbers, broken, where) }];
}

function kindOf(numbers: number[], at: number): ViolationKind {
  // The words are right, and what stands between or beside them is not.
  if (at === -1) return 'changed';
  const found = numbers[at] ?? 0;
  if (found < at) return 'repeated';
  return numbers.slice(at + 1).includes(at) ? 'reordered' : 'gap';
}

function detailOf(numbers: number[], at: number, where: string): string {
  if (at === -1) return `the words are right and the text is not, in what was ${where}`;
  return `word ${numbers[at]} stands where ${at} is due, in what was ${where}`;
}
