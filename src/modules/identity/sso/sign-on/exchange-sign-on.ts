import { Injectable } from '@nestjs/common';
import type { Role } from '../../../../kernel/permissions.ts';
import { AttemptLimits } from '../../attempts/attempt-limits.ts';
import { Sessions } from '../../sessions/sessions.service.ts';
import { toSessionResponse } from '../../sign-in/auth.schemas.ts';
import { type OfferedProvider, OfferedProviders } from '../providers/offered-providers.ts';
import { SsoAccounts } from '../sso-accounts.ts';
import { ssoErrors } from '../sso.errors.ts';
import { browserCookieOf } from './browser-cookie.ts';
import { OwnerProof } from './owner-proof.ts';
import { type Arrival, SignOnFlows } from './sign-on-flows.ts';
import type { Browser } from './start-sign-on.ts';

/** Turns one-time codes into sessions: the end of every single sign-on. */
@Injectable()
export class ExchangeSignOn {
  constructor(
    private readonly providers: OfferedProviders,
    private readonly flows: SignOnFlows,
    private readonly accounts: SsoAccounts,
    private readonly proof: OwnerProof,
    private readonly sessions: Sessions,
    private readonly limits: AttemptLimits,
  ) {}

  /**
   * A session in the provider's tenant, and in no other. A code counts once, in the browser that began. Throws 401 `sso_code_invalid`,
   * `sso_proof_required` and `invalid_credentials`, 403 `sso_link_signed_in`, and 429.
   */
  async exchange({ code, password }: { code: string; password?: string | undefined }, browser: Browser) {
    await this.limits.singleSignOn(browser.address);
    const taken = await this.flows.takeArrival(code);
    const held = browserCookieOf(browser.cookies);
    if (taken === undefined || held === undefined || this.flows.browserOf(held) !== taken.kept.browser) throw ssoErrors.codeInvalid();
    const { tenantId, kept } = taken;
    const provider = await this.providers.enabled(tenantId, kept.providerId);
    if (provider === undefined) throw ssoErrors.codeInvalid();
    const member = await this.memberOf({ tenantId, provider }, kept.outcome, password, browser.address);
    return toSessionResponse(await this.sessions.open({ tenantId, ...member }, { amr: ['fed'], identityProviderId: provider.id }));
  }

  private async memberOf(
    offered: OfferedProvider,
    outcome: Arrival['outcome'],
    password: string | undefined,
    address: string,
  ): Promise<{ userId: string; role: Role }> {
    const { tenantId, provider } = offered;
    if (outcome.kind === 'member') {
      const role = await this.accounts.roleOf(tenantId, outcome.userId);
      if (role === undefined) throw ssoErrors.codeInvalid();
      return { userId: outcome.userId, role };
    }
    const { email, subject } = outcome;
    const { userId, role } = await this.proof.byPassword(tenantId, email, password, address);
    await this.accounts.link(tenantId, provider, subject, userId).catch(() => {
      throw ssoErrors.codeInvalid();
    });
    return { userId, role };
  }
}
