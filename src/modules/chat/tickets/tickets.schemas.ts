import { z } from 'zod';
import { maxIdentityTokenLength } from '../../identity/index.ts';

/** Body of "ask for a ticket". */
export const CreateTicket = z
  .strictObject({
    bot_id: z.string().max(100),
    visitor_id: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .meta({ description: "The tenant's own id of the visitor; only with a secret key or an access token." }),
    visitor_token: z
      .string()
      .max(4_000)
      .optional()
      .meta({ description: 'From an earlier ticket of an anonymous visitor: the same person again.' }),
    identity_token: z
      .string()
      .max(maxIdentityTokenLength)
      .optional()
      .meta({ description: "A JWT with which the tenant's server says who the visitor is, signed with one of its identity keys." }),
  })
  .meta({ id: 'CreateTicket' });
/** A ticket request, validated. */
export type CreateTicket = z.output<typeof CreateTicket>;

/** A chat ticket: once, for 30 seconds. */
export const TicketResponse = z
  .object({
    object: z.literal('chat_ticket'),
    ticket: z.string(),
    expires_at: z.iso.datetime(),
    visitor_id: z.string(),
    visitor_token: z.string().optional(),
    ws_url: z.string(),
    bot: z.object({ id: z.string(), greeting: z.string().nullable() }),
  })
  .meta({ id: 'ChatTicket' });
