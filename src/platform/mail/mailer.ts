import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { createTransport, type Transporter } from 'nodemailer';
import { type MailConfig, mailConfig } from './mail.config.ts';

/** Longest wait for a connection, a greeting and each answer of the mail server, in milliseconds. */
const timeouts = { connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 20_000 };

/** One message in plain text. */
export interface Mail {
  /** The same id each time the same message is sent, of letters, digits and `-_.:`. */
  id: string;
  to: string[];
  subject: string;
  text: string;
}

/** The mail server will not take this message, however often it is asked. */
export class MailRefused extends Error {
  override name = 'MailRefused';
}

/** Sends mail over SMTP, where a server is configured. Addresses and texts are never logged. */
@Injectable()
export class Mailer implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(Mailer.name);
  private readonly transport: Transporter | undefined;

  constructor(@Inject(mailConfig.token) private readonly config: MailConfig) {
    const { smtpUrl } = config;
    // A template must never make the server read a file or a URL.
    const closed = { disableFileAccess: true, disableUrlAccess: true, logger: false };
    this.transport = smtpUrl === undefined ? undefined : createTransport({ url: smtpUrl, ...timeouts, ...closed });
  }

  /** False without a mail server: then nobody should ask for anything to be sent. */
  get enabled(): boolean {
    return this.transport !== undefined;
  }

  /** Resolves when the server has taken the message. Throws MailRefused when it never will, another error when a later try can help. */
  async send(mail: Mail): Promise<void> {
    if (this.transport === undefined) throw new Error('no mail server is configured');
    try {
      await this.transport.sendMail({
        from: this.config.from,
        // As objects: a text would be parsed, and could name more than one address.
        to: mail.to.map((address) => ({ name: '', address })),
        subject: mail.subject,
        text: mail.text,
        messageId: `<${mail.id}@parley>`,
        // RFC 3834: no out-of-office answers.
        headers: { 'auto-submitted': 'auto-generated' },
      });
    } catch (error) {
      throw isRefusal(error) ? new MailRefused() : error;
    }
  }

  onApplicationBootstrap(): void {
    if (!this.enabled) this.logger.log('SMTP_URL is not set: no mail is sent');
  }

  onApplicationShutdown(): void {
    this.transport?.close();
  }
}

/** A permanent answer (5xx) to the message itself; one to the sign-in is a matter of settings, which somebody may mend. */
function isRefusal(error: unknown): boolean {
  const { responseCode, code } = error as { responseCode?: number; code?: string };
  return responseCode !== undefined && responseCode >= 500 && (code === 'EENVELOPE' || code === 'EMESSAGE');
}
