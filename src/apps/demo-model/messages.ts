import { z } from 'zod';
import { countTokens } from './tokens.ts';

const Part = z.looseObject({ type: z.string(), text: z.string().optional(), refusal: z.string().optional() });

/** One message as OpenAI's clients send it. */
export const WireMessage = z.looseObject({
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool', 'function']),
  content: z.union([z.string(), z.null(), z.array(Part).max(1000)]).optional(),
});
export type WireMessage = z.infer<typeof WireMessage>;

/** What this server needs of a message. */
export interface ChatMessage {
  role: 'system' | 'user' | 'assistant' | 'tool';
  text: string;
  /** Parts that are no text: images, sound, files. */
  attachments: number;
}

/** Reduces a message to its text; "developer" is a system message, and parts that are no text are counted. */
export function readMessage(message: WireMessage): ChatMessage {
  const role = message.role === 'developer' ? 'system' : message.role === 'function' ? 'tool' : message.role;
  const { content } = message;
  if (typeof content === 'string') return { role, text: content, attachments: 0 };
  const texts: string[] = [];
  let attachments = 0;
  for (const part of content ?? []) {
    if (part.text !== undefined) texts.push(part.text);
    else if (part.refusal !== undefined) texts.push(part.refusal);
    else attachments++;
  }
  return { role, text: texts.join('\n'), attachments };
}

/** What the messages cost as a prompt: their tokens, 4 for each message's frame, 85 for each attachment, 3 to begin the answer. */
export function countPromptTokens(messages: readonly ChatMessage[]): number {
  return messages.reduce((sum, message) => sum + countTokens(message.text) + 4 + message.attachments * 85, 3);
}

/** The text of the last message of a role, or ''. */
export function lastText(messages: readonly ChatMessage[], role: ChatMessage['role']): string {
  return messages.findLast((message) => message.role === role)?.text ?? '';
}
