import { showHidden } from './hidden-characters.ts';

/** Names of the channels of a prompt, as their tags carry them. */
export const channelNames = ['caller', 'passage', 'tool', 'user'] as const;
/** A channel of a prompt. */
export type ChannelName = (typeof channelNames)[number];

// Markers that chat templates of models turn into the boundaries of turns: ChatML, Llama 2 and 3, Mistral, Gemma, Phi, DeepSeek, Command R.
const templateTokens =
  /<[|｜][a-z0-9_▁ /-]{1,40}[|｜]>|\[\/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\]|<<\/?SYS>>|<\/?(?:start_of_turn|end_of_turn|begin_of_text|end_of_text|bos|eos)>/gi;
const mayHoldToken = /[<[]/;
// Whatever looks like a tag of a channel with a boundary, whoever's.
const channelTags = new RegExp(`<(?=\\s*/?\\s*(?:(?:${channelNames.join('|')}|rules)-[0-9a-z]{8}|instructions[\\s>]))`, 'gi');

/**
 * A text from outside as it may stand in a prompt: hidden characters are shown, and neither markers of chat templates nor tags of
 * channels are left in it. They stay readable: `<|im_start|>` becomes `(|im_start|)`, the `<` of a tag becomes `‹`.
 */
export function channelText(text: string): string {
  const shown = showHidden(text);
  if (!mayHoldToken.test(shown)) return shown;
  return shown.replace(templateTokens, (token) => `(${token.replace(/^[<[]+|[>\]]+$/g, '')})`).replace(channelTags, '‹');
}
