import type { ModelMessage } from '../model-provider.ts';
import { countTokens } from '../tokens.ts';
import type { Target } from './target.ts';

/** Bytes that a message may cost as tokens besides its text: its role and separators, in the longest chat templates. */
export const bytesPerMessage = 16;

/** Most tokens that any byte-level tokenizer can make of a prompt. */
export function inputBound(messages: ModelMessage[], prefix = ''): number {
  const texts = prefix === '' ? messages.map(({ content }) => content) : [...messages.map(({ content }) => content), prefix];
  return texts.reduce((sum, text) => sum + Buffer.byteLength(text) + bytesPerMessage, bytesPerMessage);
}

/** Part of an answer's bound that a call which goes on has at least. */
const leastRoom = 0.25;

/**
 * Tokens that a call may add to a given text. We count the text by our tokenizer, and the model by its own, which may see a third
 * as many: whoever is nearly at the bound by our count may not be by the model's, and must not be cut because a replica died. So a
 * bounded number of calls may each go a bounded part beyond.
 */
export function roomAfter(prefix: string, maxOutputTokens: number): number {
  const counted = prefix === '' ? 0 : countTokens(prefix);
  return Math.max(maxOutputTokens - counted, Math.ceil(maxOutputTokens * leastRoom));
}

/** Tokens of an answer that a target can give: what it is able to, and at most half of its window. */
export function outputOf({ window, maxOutput }: Target, wanted: number): number {
  return Math.max(1, Math.min(wanted, maxOutput ?? wanted, Math.floor(window / 2)));
}
