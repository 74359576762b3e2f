import type { Ending } from '../chat/ending.ts';
import type { ChatMessage } from '../chat/chat-message.ts';
import { callApi } from './call-api.ts';
import type { Credentials } from './credentials.ts';

interface StoredMessage {
  id: string;
  role: 'user' | 'assistant';
  parts: { type: 'text'; text: string }[];
  status: Ending;
}

const maxPages = 5;

/** Messages of a conversation as the server has them, oldest first. Only members may ask. */
export async function loadHistory(credentials: Credentials, conversationId: string): Promise<ChatMessage[]> {
  const messages: ChatMessage[] = [];
  let after = '';
  for (let page = 0; page < maxPages; page++) {
    const path = `/v1/conversations/${encodeURIComponent(conversationId)}/messages?limit=100${after}`;
    const answer = await credentials.call((bearer) =>
      callApi<{ data: StoredMessage[]; has_more: boolean; next_cursor: string | null }>('GET', path, { bearer }),
    );
    messages.push(...answer.data.map(fromStored));
    if (!answer.has_more || answer.next_cursor === null) break;
    after = `&after=${encodeURIComponent(answer.next_cursor)}`;
  }
  return messages;
}

function fromStored({ id, role, parts, status }: StoredMessage): ChatMessage {
  const text = parts
    .filter((part) => part.type === 'text')
    .map((part) => ({ type: 'text' as const, text: part.text, state: 'done' as const }));
  return { id, role, parts: text, ...(role === 'assistant' ? { metadata: { ending: status } } : {}) };
}
