import { Inject, Injectable } from '@nestjs/common';
import { type HttpConfig, httpConfig, publicUrlOf } from '../../../platform/http/index.ts';
import { AttemptLimits } from '../attempts/attempt-limits.ts';
import { OfferedProviders } from './providers/offered-providers.ts';
import { domainOf } from './sign-on/asserted-identity.ts';
import type { DiscoverProviders } from './sso.schemas.ts';

/** Says which providers somebody may sign in with, before it is known who they are. */
@Injectable()
export class ProviderDiscovery {
  constructor(
    private readonly providers: OfferedProviders,
    private readonly limits: AttemptLimits,
    @Inject(httpConfig.token) private readonly http: HttpConfig,
  ) {}

  /**
   * The providers of the tenant that is named, else of the tenants that have proven the domain of the e-mail. The same for every e-mail of a domain:
   * no account is looked for. Throws 429.
   */
  async discover({ email, tenant_id: tenantId }: DiscoverProviders, address: string) {
    await this.limits.singleSignOn(address);
    const offered = await (tenantId === undefined ? this.providers.ofDomain(domainOf(email)) : this.providers.ofTenant(tenantId));
    const base = `${publicUrlOf(this.http)}/v1/auth/sso`;
    const data = offered.map((each) => ({ object: 'offered_identity_provider' as const, ...each, start_url: `${base}/${each.id}/start` }));
    return { object: 'list' as const, data };
  }
}
