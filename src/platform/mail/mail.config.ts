import { z } from 'zod';
import { type ConfigValues, defineTopic, entry } from '../config/index.ts';

/** How mail leaves. */
export const mailConfig = defineTopic('mail', 'Mail', {
  smtpUrl: entry(
    'SMTP_URL',
    z
      .string()
      .regex(/^smtps?:\/\/[^/]+/, 'must start with smtp:// or smtps://')
      .optional(),
    'Mail server: smtps://user:password@host:465, or smtp://… (with STARTTLS where the server offers it; ?requireTLS=true insists). Without it no mail is sent.',
    { secret: true },
  ),
  from: entry(
    'MAIL_FROM',
    z.string().min(3).max(320).default('Parley <no-reply@localhost>'),
    'Sender of all mail, such as Parley <parley@example.com>.',
  ),
});

/** Values of the mail topic. */
export type MailConfig = ConfigValues<typeof mailConfig>;
