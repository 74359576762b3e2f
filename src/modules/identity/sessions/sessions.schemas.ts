import { z } from 'zod';

/** A session as its owner sees it. */
export const SignedInResponse = z
  .object({
    object: z.literal('signed_in_session'),
    id: z.string(),
    current: z.boolean().meta({ description: 'Whether it is the one that asks.' }),
    device: z
      .string()
      .nullable()
      .meta({ examples: ['Firefox on Linux'], description: 'Where it was opened; null where that is not known.' }),
    address: z.string().nullable().meta({ description: 'The address from which it was opened.' }),
    amr: z.array(z.string()).meta({ description: 'How the member proved themself (RFC 8176).', examples: [['pwd', 'otp']] }),
    created_at: z.iso.datetime(),
    last_seen_at: z.iso.datetime().nullable().meta({ description: 'When its tokens were exchanged last.' }),
    expires_at: z.iso.datetime(),
  })
  .meta({ id: 'SignedInSession' });

/** Where somebody is signed in: at most the newest 200. */
export const SignedInList = z.object({ object: z.literal('list'), data: z.array(SignedInResponse) }).meta({ id: 'SignedInSessionList' });

/** How many sessions have ended. */
export const RevokedSessions = z.object({ object: z.literal('revoked_sessions'), count: z.int() }).meta({ id: 'RevokedSessions' });
