import { z } from 'zod';

/** Body of "send a message" over HTTP: the AI SDK's DefaultChatTransport. Other members are ignored. */
export const SendMessage = z
  .looseObject({
    id: z
      .string()
      .min(1)
      .max(64)
      .meta({ description: "A conv_… of this visitor, or the client's own id, which makes a conversation at first use." }),
    trigger: z.enum(['submit-message', 'regenerate-message']).default('submit-message'),
    messageId: z.string().max(200).nullish(),
    messages: z.array(z.unknown()).min(1).meta({ description: 'Only the last user message counts; its id is the idempotency key.' }),
    bot_id: z.string().max(100).optional(),
    visitor_id: z.string().min(1).max(200).optional(),
  })
  .meta({ id: 'SendMessage' });
/** A send, validated. */
export type SendMessage = z.output<typeof SendMessage>;

/** Query by which callers with a key or an access token name bot and visitor. */
export const PartyQuery = z.object({ bot_id: z.string().max(100).optional(), visitor_id: z.string().min(1).max(200).optional() });
/** Such a query, validated. */
export type PartyQuery = z.output<typeof PartyQuery>;
