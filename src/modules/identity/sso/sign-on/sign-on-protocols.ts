import { Inject, Injectable } from '@nestjs/common';
import { type HttpConfig, httpConfig, publicUrlOf } from '../../../../platform/http/index.ts';
import type { OfferedProvider } from '../providers/offered-providers.ts';
import { redirectUriOf } from '../providers/identity-providers.service.ts';
import { ProviderConnections } from '../providers/provider-connections.ts';
import { type IdentityConfig, identityConfig } from '../../identity.config.ts';
import { requestIdOf } from '../saml/request-id.ts';
import { type SamlUrls, samlUrls } from '../saml/saml-urls.ts';
import { SamlVerifier } from '../saml/saml-verifier.ts';
import type { AssertedIdentity, SignOnSecrets } from './asserted-identity.ts';
import { githubFinish, githubStart } from './github-sign-on.ts';
import { oidcFinish, oidcStart } from './oidc-sign-on.ts';

/** What providers of each kind are asked, and how their answers are verified. */
@Injectable()
export class SignOnProtocols {
  constructor(
    private readonly connections: ProviderConnections,
    private readonly saml: SamlVerifier,
    @Inject(identityConfig.token) private readonly config: IdentityConfig,
    @Inject(httpConfig.token) private readonly http: HttpConfig,
  ) {}

  /** Where the browser goes. Throws where the provider does not say it. */
  async start(offered: OfferedProvider, secrets: SignOnSecrets): Promise<URL> {
    const { tenantId, provider } = offered;
    if (provider.kind === 'saml') return this.saml.start(offered, requestIdOf(secrets.nonce), secrets.state);
    const connection = await this.connections.open(tenantId, provider);
    const start = provider.kind === 'github' ? githubStart : oidcStart;
    return start(connection, provider, this.redirectUri(provider.id), secrets);
  }

  /** Whom the provider has signed in. `search` is the query with which the browser came back. Throws for anything that is not as it should be. */
  async finish({ tenantId, provider }: OfferedProvider, search: string, secrets: SignOnSecrets): Promise<AssertedIdentity> {
    if (provider.kind === 'saml') throw new Error('SAML does not answer in a query');
    const connection = await this.connections.open(tenantId, provider);
    // Of our own making: a Host header has no part in it.
    const callback = new URL(this.redirectUri(provider.id) + search);
    const finish = provider.kind === 'github' ? githubFinish : oidcFinish;
    return finish(connection, provider, callback, secrets);
  }

  /** The addresses that stand for us at a SAML provider. */
  samlUrls(providerId: string): SamlUrls {
    return samlUrls(publicUrlOf(this.http), providerId);
  }

  /** Where a browser goes that has not begun here. */
  defaultPage(): string {
    return this.pageUrl(this.config.ssoReturnPaths[0] ?? '/');
  }

  /** A page of ours. */
  pageUrl(path: string): string {
    return publicUrlOf(this.http) + path;
  }

  private redirectUri(providerId: string): string {
    return redirectUriOf(publicUrlOf(this.http), providerId);
  }
}
