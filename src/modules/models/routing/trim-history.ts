import type { ModelMessage } from '../model-provider.ts';
import { countTokens, tokensPerMessage } from '../tokens.ts';

/**
 * A prompt of at most `room` tokens by our count: the oldest messages go, instructions and the newest message stay, whatever they
 * count. Gives the same list when nothing had to go.
 */
export function trimHistory(messages: ModelMessage[], room: number): ModelMessage[] {
  const newest = messages.findLastIndex(({ role }) => role !== 'system');
  if (newest <= 0) return messages;
  let left = room - messages.reduce((sum, message, at) => sum + (message.role === 'system' || at === newest ? tokensOf(message) : 0), 0);
  let from = newest;
  for (let at = newest - 1; at >= 0; at -= 1) {
    const message = messages[at] as ModelMessage;
    if (message.role === 'system') continue;
    left -= tokensOf(message);
    if (left < 0) break;
    from = at;
  }
  // Providers want the first message after the instructions to be the user's.
  while (from < newest && messages[from]?.role !== 'user') from += 1;
  const kept = messages.filter(({ role }, at) => role === 'system' || at >= from);
  return kept.length === messages.length ? messages : kept;
}

/** Tokens of a prompt by our count. */
export function promptTokens(messages: ModelMessage[]): number {
  return messages.reduce((sum, message) => sum + tokensOf(message), 0);
}

function tokensOf({ content }: ModelMessage): number {
  return countTokens(content) + tokensPerMessage;
}
