import { type ChatMessage, textOf } from './chat-message.ts';

/**
 * Joins the local copy with the server's history. The server's texts win; a question keeps the id this page gave it
 * (the answer's id, or an equal text at the end, tells which), and a last question that the server has not got stays.
 */
export function mergeHistory(local: ChatMessage[], remote: ChatMessage[]): ChatMessage[] {
  if (remote.length === 0) return local;
  const questionOf = new Map<string, string>();
  for (const [at, message] of local.entries()) {
    const before = local[at - 1];
    if (message.role === 'assistant' && before?.role === 'user') questionOf.set(message.id, before.id);
  }
  const merged = remote.map((message, at) => {
    const answer = remote[at + 1];
    const ownId = message.role === 'user' && answer !== undefined ? questionOf.get(answer.id) : undefined;
    return ownId === undefined ? message : { ...message, id: ownId };
  });
  const asked = local.at(-1);
  if (asked?.role !== 'user' || merged.some((message) => message.id === asked.id)) return merged;
  const place = merged.findLastIndex((message) => message.role === 'user');
  const question = merged[place];
  const isKnownAnswer = local.some((message) => message.id === merged[place + 1]?.id);
  if (question === undefined || isKnownAnswer || textOf(question) !== textOf(asked)) return [...merged, asked];
  return merged.with(place, asked);
}
