export { type MailConfig, mailConfig } from './mail.config.ts';
export { MailModule } from './mail.module.ts';
export { type Mail, Mailer, MailRefused } from './mailer.ts';
