import { countTokens as countWith } from 'gpt-tokenizer/encoding/o200k_base';

/** Longest stretch that is given to the tokenizer at once, in characters: its cost grows faster than linearly on runs. */
const stretch = 4_096;

/** What looks like a marker of a chat template is text like any other; by default the tokenizer throws at it. */
const asText = { disallowedSpecial: new Set<string>() };

/** Tokens of `text` by OpenAI's o200k_base. Other models count a little differently; callers keep a margin. */
export function countTokens(text: string): number {
  let total = 0;
  for (let at = 0; at < text.length; at += stretch) total += countWith(text.slice(at, at + stretch), asText);
  return total;
}

/** Tokens that a message costs besides its text (role and separators), as OpenAI's cookbook counts them. */
export const tokensPerMessage = 4;
