import { z } from 'zod';
import { pageOf, PageQuery } from '../../platform/http/index.ts';
import { Metadata } from '../bots/index.ts';

/** Query of the list of conversations. */
export const ConversationQuery = PageQuery.extend({
  bot_id: z.string().max(100).optional(),
  visitor_id: z.string().min(1).max(200).optional(),
});
/** A list query, validated. */
export type ConversationQuery = z.output<typeof ConversationQuery>;

/** Query of the list of messages: up to 200 of them, oldest first. */
export const MessageQuery = PageQuery.extend({ limit: z.coerce.number().int().min(1).max(200).default(50) });
/** A list query, validated. */
export type MessageQuery = z.output<typeof MessageQuery>;

/** Body of "change a conversation": absent keeps, null clears. */
export const UpdateConversation = z
  .strictObject({ title: z.string().trim().min(1).max(300).nullable().optional(), metadata: Metadata.nullable().optional() })
  .meta({ id: 'UpdateConversation' });
/** A change, validated. */
export type UpdateConversation = z.output<typeof UpdateConversation>;

/** A conversation as the API shows it. */
export const ConversationResponse = z
  .object({
    object: z.literal('conversation'),
    id: z.string(),
    bot_id: z.string(),
    visitor_id: z.string(),
    title: z.string().nullable(),
    metadata: z.record(z.string(), z.string()),
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
  })
  .meta({ id: 'Conversation' });

/** A list of conversations. */
export const ConversationPage = pageOf('ConversationList', ConversationResponse);

/** What one message consists of. */
export const TextPart = z.object({ type: z.literal('text'), text: z.string() });
/** A piece of a message. */
export type TextPart = z.output<typeof TextPart>;

/** A message as the API shows it. `status` of an answer that was cut is never `complete`. */
export const MessageResponse = z
  .object({
    object: z.literal('message'),
    id: z.string(),
    conversation_id: z.string(),
    turn_id: z.string(),
    role: z.enum(['user', 'assistant']),
    parts: z.array(TextPart),
    status: z.enum(['complete', 'interrupted', 'stopped', 'failed']),
    created_at: z.iso.datetime(),
  })
  .meta({ id: 'Message' });

/** A list of messages. */
export const MessagePage = pageOf('MessageList', MessageResponse);
