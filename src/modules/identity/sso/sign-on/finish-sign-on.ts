import { Injectable } from '@nestjs/common';
import { uuidOf } from '../../../../kernel/ids.ts';
import { AttemptLimits } from '../../attempts/attempt-limits.ts';
import { OfferedProviders } from '../providers/offered-providers.ts';
import { SignOnFailed, ssoErrors } from '../sso.errors.ts';
import { Arrivals } from './arrivals.ts';
import { browserCookieOf } from './browser-cookie.ts';
import { SignOnFlows } from './sign-on-flows.ts';
import { SignOnProtocols } from './sign-on-protocols.ts';
import type { Browser } from './start-sign-on.ts';

/** Takes browsers back from OpenID and OAuth 2 providers. */
@Injectable()
export class FinishSignOn {
  constructor(
    private readonly providers: OfferedProviders,
    private readonly protocols: SignOnProtocols,
    private readonly flows: SignOnFlows,
    private readonly arrivals: Arrivals,
    private readonly limits: AttemptLimits,
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
      return await this.arrivals.arrive({ tenantId, provider }, flow, asserted);
    } catch (error) {
      return this.arrivals.failed(tenantId, flow, error);
    }
  }
}
