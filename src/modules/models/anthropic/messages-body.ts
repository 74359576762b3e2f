import type { MessageCreateParamsStreaming } from '@anthropic-ai/sdk/resources/messages';
import type { ModelRequest } from '../model-provider.ts';

/** A conversation cannot begin with an answer: it gets this turn of the user before it. */
const opening = '(The conversation began earlier.)';

/**
 * The body of a call. System messages go to `system`, in order; messages without text are left out, since the API refuses them; a
 * prefix is the last message of the assistant, which Claude goes on from ("Prefill Claude's response" in Anthropic's
 * documentation), without the white space at its end, which the API refuses too. There is no temperature: since API version
 * 2026-10-21, which the client speaks, sampling parameters are refused whatever their value.
 */
export function messagesBodyOf(request: ModelRequest): MessageCreateParamsStreaming {
  const spoken = request.messages.filter(({ content }) => content.trim() !== '');
  const system = spoken.filter(({ role }) => role === 'system').map(({ content }) => content);
  const messages = spoken.flatMap(({ role, content }) => (role === 'system' ? [] : [{ role, content }]));
  if (messages[0]?.role !== 'user') messages.unshift({ role: 'user', content: opening });
  const prefix = request.prefix?.trimEnd() ?? '';
  if (prefix !== '') messages.push({ role: 'assistant', content: prefix });
  return {
    model: request.model,
    max_tokens: request.maxOutputTokens,
    messages,
    stream: true,
    ...(system.length === 0 ? {} : { system: system.join('\n\n') }),
    ...(request.endUser === undefined ? {} : { metadata: { user_id: request.endUser } }),
  };
}
