import { Inject, Injectable } from '@nestjs/common';
import { newUuid } from '../../../../kernel/ids.ts';
import type { Principal } from '../../../../kernel/principal.ts';
import { actorOf, auditTrail } from '../../../../platform/audit/index.ts';
import { TenantDatabase } from '../../../../platform/database/index.ts';
import { type HttpConfig, httpConfig, publicUrlOf } from '../../../../platform/http/index.ts';
import { requireRank } from '../../members/members.service.ts';
import { IdentityProvidersRepository, type ProviderDraft } from '../providers/identity-providers.repository.ts';
import { maxProviders } from '../providers/identity-providers.service.ts';
import { toProviderResponse } from '../providers/identity-providers.schemas.ts';
import { OfferedProviders } from '../providers/offered-providers.ts';
import { ProviderConnections } from '../providers/provider-connections.ts';
import { ssoErrors } from '../sso.errors.ts';
import { newOwnKey } from './saml-keys.ts';
import type { CreateSamlProvider } from './saml.schemas.ts';
import { samlUrls } from './saml-urls.ts';
import { SamlRepository } from './saml.repository.ts';

/** Identity providers that speak SAML. */
@Injectable()
export class SamlProviders {
  constructor(
    private readonly database: TenantDatabase,
    private readonly repository: IdentityProvidersRepository,
    private readonly saml: SamlRepository,
    private readonly connections: ProviderConnections,
    private readonly offered: OfferedProviders,
    @Inject(httpConfig.token) private readonly http: HttpConfig,
  ) {}

  /** Connects a provider, with a key of our own for it. Throws 403 for a role above the caller's own, 409 when there are twenty. */
  async create(caller: Principal, body: CreateSamlProvider) {
    const { tenantId } = caller;
    if (body.join_role !== null) requireRank(caller, body.join_role);
    const id = newUuid();
    const { entityId, acsUrl } = samlUrls(publicUrlOf(this.http), id);
    const { privateKey, certificate } = await newOwnKey();
    const draft: ProviderDraft = {
      id,
      name: body.name,
      kind: 'saml',
      issuer: body.entity_id,
      clientId: entityId,
      clientSecret: await this.connections.sealSecret(tenantId, id, privateKey),
      scopes: [],
      joinRole: body.join_role,
      joinDomains: [],
      // It speaks of nobody but people of proven domains.
      authoritative: true,
      enabled: body.enabled,
    };
    const settings = {
      entryPoint: body.entry_point,
      certificates: body.certificates,
      ownCertificate: certificate,
      idpInitiated: body.idp_initiated,
    };
    const stored = await this.database.forTenant(tenantId, async (tx) => {
      if (!(await this.repository.insert(tx, tenantId, draft, maxProviders))) throw ssoErrors.tooManyProviders(maxProviders);
      await this.saml.insert(tx, tenantId, id, settings);
      const object = { kind: 'identity_provider', id } as const;
      const detail = { kind: 'saml', enabled: body.enabled };
      auditTrail.record(tx, tenantId, { actor: actorOf(caller), action: 'identity_provider.create', object, detail });
      return this.repository.byId(tx, tenantId, id);
    });
    if (stored === undefined) throw ssoErrors.providerNotFound();
    return toProviderResponse(stored, acsUrl);
  }

  /** What we say of ourselves to a provider, as XML. Throws 404. */
  async metadata(providerId: string): Promise<string> {
    const { tenantId, provider } = await this.offered.byPublicId(providerId);
    const settings = await this.database.forTenant(tenantId, (tx) => this.saml.byId(tx, tenantId, provider.id));
    if (settings === undefined) throw ssoErrors.providerNotFound();
    const { entityId, acsUrl } = samlUrls(publicUrlOf(this.http), provider.id);
    const { generateServiceProviderMetadata } = await import('@node-saml/node-saml');
    return generateServiceProviderMetadata({
      issuer: entityId,
      callbackUrl: acsUrl,
      decryptionCert: settings.ownCertificate,
      publicCerts: settings.ownCertificate,
      // Never shown; the library only wants to see that there are keys for these certificates.
      privateKey: 'kept',
      decryptionPvk: 'kept',
      wantAssertionsSigned: true,
      identifierFormat: null,
    });
  }
}
