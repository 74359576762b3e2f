import { z } from 'zod';
import { defineEvent } from '../../../platform/events/index.ts';

/** What a member is written about. */
export const accountMails = ['verify', 'reset', 'password_changed'] as const;

/** A member is to be written to about their account. The mail, with its token, is made when it is sent. */
export const accountMailAsked = defineEvent('account.mail_asked', {
  userId: z.uuid(),
  /** Of the mail: the same however often the job runs. */
  mailId: z.uuid(),
  about: z.enum(accountMails),
});
