import { z } from 'zod';
import { chatErrors } from '../chat.errors.ts';

const Part = z.looseObject({ type: z.string(), text: z.string().optional() });
const UserMessage = z.object({ id: z.string().min(1).max(200), role: z.literal('user'), parts: z.array(Part).max(1_000) });

/** What counts of a client's message list: its last user message. */
export interface LastUserMessage {
  id: string;
  text: string;
}

/**
 * The last user message of an AI SDK message list; everything else in the list is ignored. Throws 400 when there is none,
 * when it is malformed, or when it has parts that are not text (nothing is dropped silently).
 */
export function lastUserMessage(messages: unknown[]): LastUserMessage {
  const last = messages.findLast(
    (message) => typeof message === 'object' && message !== null && (message as { role?: unknown }).role === 'user',
  );
  if (last === undefined) throw chatErrors.noUserMessage();
  const parsed = UserMessage.safeParse(last);
  if (!parsed.success) throw chatErrors.malformedMessage();
  const foreign = parsed.data.parts.find((part) => part.type !== 'text');
  if (foreign !== undefined) throw chatErrors.unsupportedPart(foreign.type);
  return { id: parsed.data.id, text: parsed.data.parts.map((part) => part.text ?? '').join('') };
}
