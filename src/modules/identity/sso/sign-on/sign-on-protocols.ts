import { Inject, Injectable } from '@nestjs/common';
import { type HttpConfig, httpConfig, publicUrlOf } from '../../../../platform/http/index.ts';
import type { OfferedProvider } from '../providers/offered-providers.ts';
import { redirectUriOf } from '../providers/identity-providers.service.ts';
import { ProviderConnections } from '../providers/provider-connections.ts';
import type { AssertedIdentity, SignOnSecrets } from './asserted-identity.ts';
import { githubFinish, githubStart } from './github-sign-on.ts';
import { oidcFinish, oidcStart } from './oidc-sign-on.ts';

/** What providers of each kind are asked, and how their answers are verified. */
@Injectable()
export class SignOnProtocols {
  constructor(
    private readonly connections: ProviderConnections,
    @Inject(httpConfig.token) private readonly http: HttpConfig,
  ) {}

  /** Where the browser goes. Throws where the provider does not say it. */
  async start({ tenantId, provider }: OfferedProvider, secrets: SignOnSecrets): Promise<URL> {
    const connection = await this.connections.open(tenantId, provider);
    const start = provider.kind === 'github' ? githubStart : oidcStart;
    return start(connection, provider, this.redirectUri(provider.id), secrets);
  }

  /** Whom the provider has signed in. `search` is the query with which the browser came back. Throws for anything that is not as it should be. */
  async finish({ tenantId, provider }: OfferedProvider, search: string, secrets: SignOnSecrets): Promise<AssertedIdentity> {
    const connection = await this.connections.open(tenantId, provider);
    // Of our own making: a Host header has no part in it.
    const callback = new URL(this.redirectUri(provider.id) + search);
    const finish = provider.kind === 'github' ? githubFinish : oidcFinish;
    return finish(connection, provider, callback, secrets);
  }

  /** A page of ours. */
  pageUrl(path: string): string {
    return publicUrlOf(this.http) + path;
  }

  private redirectUri(providerId: string): string {
    return redirectUriOf(publicUrlOf(this.http), providerId);
  }
}
