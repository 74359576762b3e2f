import { z } from 'zod';
import { Email, Password } from '../sign-in/auth.schemas.ts';

const Token = z.string().min(1).max(200).meta({ description: 'From the mail.' });

/** Body of POST /v1/auth/password-reset. */
export const AskReset = z.strictObject({ email: Email }).meta({ id: 'AskPasswordReset' });
/** Who has forgotten their password, validated. */
export type AskReset = z.output<typeof AskReset>;

/** Body of POST /v1/auth/password-reset/confirm. */
export const ConfirmReset = z.strictObject({ token: Token, password: Password }).meta({ id: 'ConfirmPasswordReset' });
/** A new password by mail, validated. */
export type ConfirmReset = z.output<typeof ConfirmReset>;

/** Body of POST /v1/auth/password. */
export const ChangePassword = z
  .strictObject({ current_password: z.string().min(1).max(200), new_password: Password })
  .meta({ id: 'ChangePassword' });
/** A new password by who knows the old one, validated. */
export type ChangePassword = z.output<typeof ChangePassword>;

/** Body of POST /v1/auth/email-verification/confirm. */
export const ConfirmEmail = z.strictObject({ token: Token }).meta({ id: 'ConfirmEmail' });
/** A proof of a mailbox, validated. */
export type ConfirmEmail = z.output<typeof ConfirmEmail>;

/** Said whether there is such an account or not. */
export const MailAsked = z.object({ object: z.literal('mail_request'), sent: z.literal(true) }).meta({ id: 'MailRequest' });
