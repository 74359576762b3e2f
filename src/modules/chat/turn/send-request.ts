import { newUuid, uuidOf } from '../../../kernel/ids.ts';
import type { KeyedHash } from '../../../platform/crypto/index.ts';
import { conversationErrors, type ConversationName } from '../../conversations/index.ts';
import type { PromptRequest } from './prompt-request.ts';

/** Who asks which bot, on whose behalf. */
export interface Party {
  tenantId: string;
  botId: string;
  visitorId: string;
  /** The API key that asks, or vouched for the visitor. */
  apiKeyId?: string;
}

/** One send, whatever dialect it came in. */
export interface SendRequest {
  party: Party;
  /** A `conv_…` of this visitor, or the client's own id, which makes a conversation at first use. */
  conversation: string;
  /** The client's id of the message: the idempotency key. */
  clientMessageId: string;
  text: string;
  trigger: 'submit-message' | 'regenerate-message';
  /** The message that is edited, or the answer that is regenerated, where the client says so. */
  messageId?: string | undefined;
  prompt?: PromptRequest | undefined;
}

/** Which conversation a client's name means. Throws 404 for a name that cannot be one. */
export function conversationName(hash: KeyedHash, party: Party, conversation: string): ConversationName {
  if (conversation === '' || conversation.length > 64) throw conversationErrors.notFound();
  const id = uuidOf('conversation', conversation);
  if (id !== undefined) return { kind: 'id', id };
  return { kind: 'client', clientKey: hash.of('conversation-client-id', party.tenantId, conversation), newId: newUuid() };
}
