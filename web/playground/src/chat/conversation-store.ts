import { randomId } from '../state/random-id.ts';
import { readJson, writeJson } from '../state/stored-json.ts';
import type { ChatMessage } from './chat-message.ts';

/** The local copy of a conversation. `id` is chosen here, `serverId` by the server. */
export interface StoredConversation {
  id: string;
  serverId?: string | undefined;
  messages: ChatMessage[];
}

const storage = () => localStorage;
const maxMessages = 80;
const maxCharacters = 300_000;

/** Where one person's conversation with one bot is kept between reloads. */
export class ConversationStore {
  private readonly key: string;

  constructor(owner: string, botId: string) {
    this.key = `parley.conversation.${owner}.${botId}`;
  }

  /** The stored conversation, or a new one. */
  load(): StoredConversation {
    const stored = readJson(storage, this.key) as StoredConversation | undefined;
    return typeof stored?.id === 'string' && Array.isArray(stored.messages) ? stored : this.begin();
  }

  /** Starts a new conversation in the place of the stored one. */
  begin(): StoredConversation {
    const conversation = { id: randomId(), messages: [] };
    writeJson(storage, this.key, conversation);
    return conversation;
  }

  /** Keeps questions and ended answers, newest first to stay when it is too much. A running answer is replayed instead. */
  save({ id, serverId, messages }: StoredConversation): void {
    const kept = messages.filter((message) => message.role === 'user' || message.metadata?.ending !== undefined).slice(-maxMessages);
    let size = kept.reduce((sum, message) => sum + JSON.stringify(message).length, 0);
    while (size > maxCharacters && kept.length > 1) size -= JSON.stringify(kept.shift()).length;
    writeJson(storage, this.key, { id, serverId, messages: kept });
  }
}
