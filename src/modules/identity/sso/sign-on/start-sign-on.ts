import { Inject, Injectable } from '@nestjs/common';
import { randomNonce, randomPKCECodeVerifier } from 'openid-client';
import type { Principal } from '../../../../kernel/principal.ts';
import { AttemptLimits } from '../../attempts/attempt-limits.ts';
import { type IdentityConfig, identityConfig } from '../../identity.config.ts';
import { type OfferedProvider, OfferedProviders } from '../providers/offered-providers.ts';
import { type SignOnFailure, ssoErrors } from '../sso.errors.ts';
import { browserCookie } from './browser-cookie.ts';
import { type Flow, SignOnFlows } from './sign-on-flows.ts';
import { SignOnProtocols } from './sign-on-protocols.ts';

/** Where a browser goes, and what it is to hold meanwhile. */
export interface Departure {
  location: string;
  setCookie: string;
}

/** Who asks: the `Cookie` header and the client's address. */
export interface Browser {
  cookies: string | undefined;
  address: string;
}

/** Begins single sign-ons. */
@Injectable()
export class StartSignOn {
  constructor(
    private readonly providers: OfferedProviders,
    private readonly protocols: SignOnProtocols,
    private readonly flows: SignOnFlows,
    private readonly limits: AttemptLimits,
    @Inject(identityConfig.token) private readonly config: IdentityConfig,
  ) {}

  /** Sends a browser to a provider, or back to the page where that cannot be reached. Throws 404, 400 for a return path that is not listed, 429. */
  async signIn(providerId: string, returnTo: string | undefined, browser: Browser): Promise<Departure> {
    await this.limits.singleSignOn(browser.address);
    const returnUrl = this.returnUrl(returnTo);
    return this.depart(await this.providers.byPublicId(providerId), returnUrl, browser, undefined);
  }

  /** Sends a member to a provider of their tenant, to link their account there. Throws as `signIn` does, and 403 for who is no user. */
  async link(caller: Principal, providerId: string, returnTo: string | undefined, browser: Browser): Promise<Departure> {
    if (caller.kind !== 'user') throw ssoErrors.usersOnly();
    await this.limits.singleSignOn(browser.address);
    const offered = await this.providers.byPublicId(providerId);
    if (offered.tenantId !== caller.tenantId) throw ssoErrors.providerNotFound();
    const { userId, sessionId, role } = caller;
    return this.depart(offered, this.returnUrl(returnTo), browser, { userId, sessionId, role });
  }

  private async depart(offered: OfferedProvider, returnTo: string, { cookies }: Browser, link: Flow['link']): Promise<Departure> {
    const { tenantId, provider } = offered;
    const { value, setCookie } = browserCookie(cookies);
    const [verifier, nonce] = [randomPKCECodeVerifier(), randomNonce()];
    const flow = { providerId: provider.id, browser: this.flows.browserOf(value), verifier, nonce, returnTo, link };
    const state = await this.flows.keepFlow(tenantId, flow);
    try {
      return { location: (await this.protocols.start(offered, { state, verifier, nonce })).href, setCookie };
    } catch {
      return { location: failureUrl(returnTo, 'unavailable'), setCookie };
    }
  }

  /** Compared whole with the operator's list: there is nothing to be parsed, so nothing to be parsed in two ways. */
  private returnUrl(asked: string | undefined): string {
    const paths = this.config.ssoReturnPaths;
    const path = asked ?? paths[0] ?? '/';
    if (!paths.includes(path)) throw ssoErrors.returnPathNotListed();
    return this.protocols.pageUrl(path);
  }
}

/** Where a browser learns that it did not work. In the fragment: that is sent to no server, so it stands in no log. */
export function failureUrl(returnTo: string, reason: SignOnFailure): string {
  return `${returnTo}#sso_error=${reason}`;
}
