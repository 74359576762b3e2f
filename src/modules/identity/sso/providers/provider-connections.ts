import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import {
  allowInsecureRequests,
  ClientSecretBasic,
  ClientSecretPost,
  Configuration,
  customFetch,
  discovery,
  enableNonRepudiationChecks,
  None,
} from 'openid-client';
import { defineSealedTable, KeyRing, type Place, seal } from '../../../../platform/crypto/index.ts';
import { createGuardedFetch, type GuardedFetch, leadsToPublicHost } from '../../../../platform/outbound/index.ts';
import { RecentValues } from '../../access/recent-values.ts';
import { type IdentityConfig, identityConfig } from '../../identity.config.ts';
import { ssoErrors } from '../sso.errors.ts';
import { githubMetadata } from '../sign-on/github-sign-on.ts';
import type { ProviderDraft, ProviderRow } from './identity-providers.repository.ts';

/** For one request to a provider, in milliseconds. */
const timeoutMs = 8_000;
/** Longest answer of a provider, in bytes: discovery documents and key sets have a few thousand. */
const maxBytes = 262_144;

/** What a provider says of itself and its keys, with our credentials there: remembered for five minutes, per replica. */
@Injectable()
export class ProviderConnections implements OnApplicationShutdown {
  private readonly recent = new RecentValues<Configuration>({ maxEntries: 500, maxAgeMs: 300_000 });
  private readonly outbound: GuardedFetch;

  constructor(
    private readonly keyRing: KeyRing,
    @Inject(identityConfig.token) private readonly config: IdentityConfig,
  ) {
    this.outbound = createGuardedFetch({ publicOnly: !config.ssoAllowPrivateUrls, timeoutMs, maxBytes });
  }

  /** The connection to a tenant's provider. Throws what openid-client throws where the provider does not answer as it should. */
  async open(tenantId: string, provider: ProviderRow): Promise<Configuration> {
    const { id, updatedAt } = provider;
    const opened = await this.recent.get(`${tenantId}|${id}|${updatedAt.getTime()}`, async () =>
      this.connect(provider, await this.secretOf(tenantId, provider)),
    );
    return opened as Configuration;
  }

  /** Our secret at a provider, or for SAML our private key; undefined where there is none. */
  async secretOf(tenantId: string, { id, clientSecret }: ProviderRow): Promise<string | undefined> {
    return clientSecret === null ? undefined : (await this.keyRing.open(secretPlace(tenantId, id), clientSecret)).toString();
  }

  /** Looks where a provider is and asks it. Throws 422. */
  async check(provider: ProviderDraft): Promise<void> {
    const { issuer } = provider;
    if (!this.config.ssoAllowPrivateUrls && !(issuer.startsWith('https:') && (await leadsToPublicHost(issuer))))
      throw ssoErrors.addressNotAllowed();
    await this.connect(provider, undefined).catch((error: unknown) => {
      throw ssoErrors.providerUnreachable(error);
    });
  }

  /** A client secret as it is stored; null where there is none. */
  async sealSecret(tenantId: string, id: string, secret: string | undefined): Promise<Buffer | null> {
    return secret === undefined ? null : seal(await this.keyRing.tenantKey(tenantId), secretPlace(tenantId, id), secret);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.outbound.close();
  }

  private async connect({ kind, issuer, clientId }: ProviderDraft, secret: string | undefined): Promise<Configuration> {
    const extensions = this.config.ssoAllowPrivateUrls ? [allowInsecureRequests] : [];
    const options = { execute: extensions, timeout: timeoutMs / 1_000, [customFetch]: this.outbound.fetch };
    const metadata =
      kind === 'github'
        ? githubMetadata(issuer)
        : (await discovery(new URL(issuer), clientId, undefined, None(), options)).serverMetadata();
    // For Microsoft and Azure B2C openid-client itself is satisfied with another one.
    if (new URL(metadata.issuer).href !== new URL(issuer).href) throw new Error('the discovered issuer is another one');
    const configuration = new Configuration(
      metadata,
      clientId,
      {},
      authenticationOf(metadata.token_endpoint_auth_methods_supported, secret),
    );
    configuration.timeout = options.timeout;
    configuration[customFetch] = this.outbound.fetch;
    for (const extend of extensions) extend(configuration);
    // The signature of an ID token counts for us even where it came over TLS.
    enableNonRepudiationChecks(configuration);
    return configuration;
  }
}

defineSealedTable({ table: 'identity_providers', columns: ['client_secret'] });

/** Basic is what a provider takes that says nothing (OpenID Connect Discovery, section 3). */
function authenticationOf(methods: string[] = ['client_secret_basic'], secret: string | undefined) {
  if (secret === undefined) return None();
  return methods.includes('client_secret_post') ? ClientSecretPost(secret) : ClientSecretBasic(secret);
}

function secretPlace(tenantId: string, rowId: string): Place {
  return { tenantId, table: 'identity_providers', column: 'client_secret', rowId };
}
