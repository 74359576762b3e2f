import type { UIMessage } from 'ai';
import type { Ending } from './ending.ts';

/** What a message carries besides its text: the server's facts, and `ending`, which this page adds. */
export interface MessageMetadata {
  conversation_id?: string;
  turn_id?: string;
  model?: string;
  status?: string;
  stopped?: boolean;
  interrupted?: boolean;
  ending?: Ending;
}

/** Place in the line, as the transient `data-queue` chunk tells it. */
export interface QueuePlace {
  position: number;
  estimated_wait_seconds?: number | null;
}

/** A message of the chat. */
export type ChatMessage = UIMessage<MessageMetadata, { queue: QueuePlace }>;

/** The text of a message. */
export function textOf(message: Pick<ChatMessage, 'parts'>): string {
  return message.parts
    .filter((part) => part.type === 'text')
    .map((part) => part.text)
    .join('\n\n');
}
