import { Injectable } from '@nestjs/common';
import { AuthorizationResponseError } from 'openid-client';
import { AppError } from '../../../../kernel/app-error.ts';
import { publicId, uuidOf } from '../../../../kernel/ids.ts';
import { AuditRefusals } from '../../../../platform/audit/index.ts';
import { LiveSessions } from '../../access/live-sessions.ts';
import { AttemptLimits } from '../../attempts/attempt-limits.ts';
import { type OfferedProvider, OfferedProviders } from '../providers/offered-providers.ts';
import { SsoAccounts } from '../sso-accounts.ts';
import { SignOnFailed, type SignOnFailure, ssoErrors } from '../sso.errors.ts';
import type { AssertedIdentity } from './asserted-identity.ts';
import { browserCookieOf } from './browser-cookie.ts';
import { type Flow, SignOnFlows } from './sign-on-flows.ts';
import { SignOnProtocols } from './sign-on-protocols.ts';
import { type Browser, failureUrl } from './start-sign-on.ts';

/** Takes browsers back from providers. */
@Injectable()
export class FinishSignOn {
  constructor(
    private readonly providers: OfferedProviders,
    private readonly protocols: SignOnProtocols,
    private readonly flows: SignOnFlows,
    private readonly accounts: SsoAccounts,
    private readonly live: LiveSessions,
    private readonly limits: AttemptLimits,
    private readonly refusals: AuditRefusals,
  ) {}

  /**
   * Where the browser goes on: to the page, with a one-time code or the reason why there is none. `search` is the callback's query. Throws 400
   * `sso_flow_invalid` for a sign-on that this browser has not begun with this provider, or that is over, and 429.
   */
  async callback(providerId: string, search: string, browser: Browser): Promise<string> {
    await this.limits.singleSignOn(browser.address);
    const states = new URLSearchParams(search).getAll('state');
    const [state = ''] = states;
    const taken = states.length === 1 ? await this.flows.takeFlow(state) : undefined;
    const held = browserCookieOf(browser.cookies);
    if (taken === undefined || held === undefined || this.flows.browserOf(held) !== taken.kept.browser) throw ssoErrors.flowInvalid();
    const { tenantId, kept: flow } = taken;
    if (uuidOf('identityProvider', providerId) !== flow.providerId) throw ssoErrors.flowInvalid();
    try {
      const provider = await this.providers.enabled(tenantId, flow.providerId);
      if (provider === undefined) throw new SignOnFailed('unavailable');
      const asserted = await this.protocols.finish({ tenantId, provider }, search, { ...flow, state });
      return await this.arrive({ tenantId, provider }, flow, asserted);
    } catch (error) {
      const reason = reasonOf(error);
      this.refusals.note(tenantId, {
        actor: { kind: 'anonymous' },
        action: flow.link === undefined ? 'session.sign_in' : 'identity.link',
        object: { kind: 'identity_provider', id: flow.providerId },
        outcome: 'failed',
        detail: { reason },
      });
      return failureUrl(flow.returnTo, reason);
    }
  }

  private async arrive(offered: OfferedProvider, flow: Flow, asserted: AssertedIdentity): Promise<string> {
    const { tenantId, provider } = offered;
    if (flow.link !== undefined) {
      await this.link(offered, flow.link, asserted);
      return `${flow.returnTo}#sso_linked=${publicId('identityProvider', provider.id)}`;
    }
    const outcome = await this.accounts.resolve(tenantId, provider, asserted);
    const code = await this.flows.keepArrival(tenantId, { providerId: provider.id, browser: flow.browser, outcome });
    return `${flow.returnTo}#sso_code=${code}${outcome.kind === 'proof' ? '&sso_proof=password' : ''}`;
  }

  /** To the verified e-mail belongs the owner's proof, and the other way round: neither is enough alone. */
  private async link(
    { tenantId, provider }: OfferedProvider,
    linking: NonNullable<Flow['link']>,
    asserted: AssertedIdentity,
  ): Promise<void> {
    const { userId } = linking;
    const { email, emailVerified, subject } = asserted;
    if (email === undefined || !emailVerified) throw new SignOnFailed('email_unverified');
    const mine = (await this.live.isLive({ tenantId, ...linking })) && (await this.accounts.isEmailOf(tenantId, userId, email));
    if (!mine) throw new SignOnFailed('link_refused');
    await this.accounts.link(tenantId, provider, subject, userId);
  }
}

/** What a provider says of its own errors goes nowhere; a plan without a seat left has no place for who joins. */
function reasonOf(error: unknown): SignOnFailure {
  if (error instanceof SignOnFailed) return error.reason;
  if (error instanceof AuthorizationResponseError) return error.error === 'access_denied' ? 'denied' : 'failed';
  if (error instanceof AppError) return error.status === 403 ? 'not_a_member' : 'unavailable';
  return 'failed';
}
