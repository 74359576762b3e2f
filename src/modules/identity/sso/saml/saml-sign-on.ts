import { Injectable } from '@nestjs/common';
import { uuidOf } from '../../../../kernel/ids.ts';
import { AttemptLimits } from '../../attempts/attempt-limits.ts';
import { OfferedProviders } from '../providers/offered-providers.ts';
import { Arrivals } from '../sign-on/arrivals.ts';
import { browserCookie, browserCookieOf } from '../sign-on/browser-cookie.ts';
import { SignOnFlows } from '../sign-on/sign-on-flows.ts';
import type { Browser, Departure } from '../sign-on/start-sign-on.ts';
import { SignOnProtocols } from '../sign-on/sign-on-protocols.ts';
import { SignOnFailed, ssoErrors } from '../sso.errors.ts';
import { requestIdOf } from './request-id.ts';
import { SamlVerifier } from './saml-verifier.ts';

/** What a browser posts that comes from a SAML provider. */
export interface PostedResponse {
  SAMLResponse: string;
  RelayState?: string | undefined;
}

/**
 * Takes browsers back from SAML providers, in two steps: a provider's page posts the response from a foreign site, so the cookie does not come along
 * (SameSite=Lax). What was verified is kept for a minute, and the browser sent on to a page of ours, with its cookie.
 */
@Injectable()
export class SamlSignOn {
  constructor(
    private readonly providers: OfferedProviders,
    private readonly verifier: SamlVerifier,
    private readonly flows: SignOnFlows,
    private readonly arrivals: Arrivals,
    private readonly protocols: SignOnProtocols,
    private readonly limits: AttemptLimits,
  ) {}

  /**
   * Verifies a posted response; gives where the browser goes on. Throws 404 for no such provider, 400 `sso_flow_invalid` for the state of another one,
   * and 429.
   */
  async consume(providerId: string, { SAMLResponse, RelayState }: PostedResponse, address: string): Promise<string> {
    await this.limits.singleSignOn(address);
    const offered = await this.providers.byPublicId(providerId);
    const { tenantId, provider } = offered;
    if (provider.kind !== 'saml') throw ssoErrors.providerNotFound();
    // A provider that sends somebody by itself says here what it likes.
    const taken = RelayState === undefined ? undefined : await this.flows.takeFlow(RelayState);
    if (taken !== undefined && (taken.tenantId !== tenantId || taken.kept.providerId !== provider.id)) throw ssoErrors.flowInvalid();
    const flow = taken?.kept;
    const journey = { providerId: provider.id, returnTo: flow?.returnTo ?? this.protocols.defaultPage(), link: flow?.link };
    try {
      const requestId = flow === undefined ? undefined : requestIdOf(flow.nonce);
      const asserted = await this.verifier.verify(offered, SAMLResponse, requestId);
      const token = await this.flows.keepLanding(tenantId, { ...journey, browser: flow?.browser, asserted });
      return `${this.protocols.samlUrls(provider.id).landUrl}?token=${token}`;
    } catch (error) {
      return this.arrivals.failed(tenantId, journey, error);
    }
  }

  /**
   * The second step, in a request that brings the cookie: of the browser that began, or of any where the provider began. Throws 400 `sso_flow_invalid`
   * for another one, and 429.
   */
  async land(providerId: string, token: string, browser: Browser): Promise<Departure> {
    await this.limits.singleSignOn(browser.address);
    const taken = await this.flows.takeLanding(token);
    if (taken === undefined || uuidOf('identityProvider', providerId) !== taken.kept.providerId) throw ssoErrors.flowInvalid();
    const { tenantId, kept } = taken;
    const held = browserCookieOf(browser.cookies);
    if (kept.browser !== undefined && (held === undefined || this.flows.browserOf(held) !== kept.browser)) throw ssoErrors.flowInvalid();
    const { value, setCookie } = browserCookie(browser.cookies);
    const { asserted, ...rest } = kept;
    const journey = { ...rest, browser: this.flows.browserOf(value) };
    try {
      const provider = await this.providers.enabled(tenantId, kept.providerId);
      if (provider === undefined) throw new SignOnFailed('unavailable');
      return { location: await this.arrivals.arrive({ tenantId, provider }, journey, asserted), setCookie };
    } catch (error) {
      return { location: this.arrivals.failed(tenantId, journey, error), setCookie };
    }
  }
}
