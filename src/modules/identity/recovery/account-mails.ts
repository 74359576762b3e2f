import { Inject, Injectable } from '@nestjs/common';
import { type HttpConfig, httpConfig, publicUrlOf } from '../../../platform/http/index.ts';
import type { accountMails } from './recovery.events.ts';
import { RecoveryTokens, type TokenSubject } from './recovery-token.ts';

type About = (typeof accountMails)[number];

/** What the mails say. */
@Injectable()
export class AccountMails {
  constructor(
    private readonly tokens: RecoveryTokens,
    @Inject(httpConfig.token) private readonly http: HttpConfig,
  ) {}

  /** Subject and text of a mail to a user of a tenant. */
  about(about: About, user: TokenSubject, tenantName: string) {
    const [url, tenant] = [publicUrlOf(this.http), tenantName.replaceAll(/[\r\n]+/g, ' ')];
    const unexpected = 'If you did not ask for this, ignore it: nothing happens then.';
    // After the `#`, so that the token gets into no server's log.
    const link = (page: string, kind: 'reset' | 'verify') => `${url}/account/${page}#token=${this.tokens.issue(kind, user)}`;
    switch (about) {
      case 'verify':
        return {
          subject: 'Confirm your e-mail address',
          text: `To confirm that this mailbox belongs to the account in ${tenant}, open within three days:\n\n${link('verify', 'verify')}\n\n${unexpected}\n`,
        };
      case 'reset':
        return {
          subject: `A new password for ${tenant}`,
          text: `To choose a new password for your account in ${tenant}, open within an hour:\n\n${link('reset', 'reset')}\n\n${unexpected}\n`,
        };
      case 'password_changed':
        return {
          subject: 'Your password was changed',
          text: `The password of your account in ${tenant} was changed, and every session has ended.\n\nIf that was not you, set a new one at once: ${url}/account/forgotten\n`,
        };
    }
  }
}
