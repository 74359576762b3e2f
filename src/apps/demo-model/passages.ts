import { isStopWord, words } from './words.ts';

/** A sentence that fits a question. `label` names the passage it stood in, where that had a label. */
export interface Found {
  sentence: string;
  label: string | null;
  score: number;
}

const sentenceLimit = 4000;
// A sentence must hold a third of what the question is about, each word weighing more the rarer it is in the material.
const fitLimit = 0.34;

// Instructions that ask for silence are not quoted.
const secret = /\b(?:never|do not|don't|must not) (?:reveal|disclose|mention|share|repeat|tell)\b|\bconfidential\b|\bsecret\b/i;
// A line like "Opening hours" is a heading: it says nothing that could be quoted.
const heading = /^[^.!?。！？:]{1,40}$/u;

/** The at most `count` sentences of a material that best fit a question, in the order in which they stand. */
export function findSentences(material: string, question: string, count = 3): Found[] {
  const asked = new Set(words(question).filter((word) => !isStopWord(word)));
  if (asked.size === 0) return [];
  const sentences = splitSentences(material)
    .filter(({ sentence }) => !secret.test(sentence) && !(heading.test(sentence) && words(sentence).length <= 3))
    .map((each) => ({ ...each, words: new Set(words(each.sentence)) }));
  const weight = new Map<string, number>();
  for (const word of asked) {
    const holders = sentences.filter((sentence) => sentence.words.has(word)).length;
    weight.set(word, Math.log(1 + sentences.length / (1 + holders)));
  }
  const total = [...weight.values()].reduce((sum, each) => sum + each, 0);
  const scored = sentences.map((sentence, order) => {
    const score = [...asked].reduce((sum, word) => sum + (sentence.words.has(word) ? (weight.get(word) ?? 0) : 0), 0) / total;
    return { ...sentence, order, score };
  });
  const best = scored.filter((each) => each.score >= fitLimit).toSorted((a, b) => b.score - a.score || a.order - b.order);
  const chosen = new Set<number>();
  for (const each of best.slice(0, count)) {
    chosen.add(each.order);
    // A question in the material ("Q: When do you open?") is worth little without the line after it.
    if (each.sentence.endsWith('?') && each.order + 1 < scored.length) chosen.add(each.order + 1);
  }
  return [...chosen]
    .toSorted((a, b) => a - b)
    .slice(0, count + 1)
    .map((order) => scored[order])
    .filter((each) => each !== undefined)
    .map(({ sentence, label, score }) => ({ sentence, label, score }));
}

/** Splits instructions and passages into sentences. `[2] …` at the start of a line and `<passage id="2" title="…">` label what follows. */
export function splitSentences(material: string): { sentence: string; label: string | null }[] {
  const found: { sentence: string; label: string | null }[] = [];
  let label: string | null = null;
  for (const rawLine of material.split('\n')) {
    const tag = /^\s*<([a-z][\w-]*)\b([^<>]{0,300})>/i.exec(rawLine);
    if (tag !== null) label = /\b(?:title|source|name|id|index)="([^"]{1,100})"/i.exec(tag[2] ?? '')?.[1] ?? null;
    const numbered = /^\s*\[(\d{1,4})\]/.exec(rawLine);
    if (numbered !== null) label = numbered[1] ?? null;
    const labelOfLine = label;
    if (/<\/[a-z]/i.test(rawLine)) label = null;
    const line = rawLine
      .replace(/<\/?[a-z][^<>]{0,300}>/gi, ' ')
      .replace(/^\s*(?:\[\d{1,4}\]|#{1,6}\s|[-*>]\s)\s*/, '')
      .trim();
    for (const sentence of line.split(/(?<=[.!?。！？])\s+/)) {
      if (found.length >= sentenceLimit) return found;
      const text = sentence.trim().slice(0, 600);
      if (/[\p{L}\p{N}]/u.test(text)) found.push({ sentence: text, label: labelOfLine });
    }
  }
  return found;
}
