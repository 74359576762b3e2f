import { Injectable } from '@nestjs/common';
import { publicId, uuidOf } from '../../../../kernel/ids.ts';
import { SystemDatabase, TenantDatabase } from '../../../../platform/database/index.ts';
import { DomainsRepository } from '../domains/domains.repository.ts';
import { ssoErrors } from '../sso.errors.ts';
import { IdentityProvidersRepository, type ProviderRow } from './identity-providers.repository.ts';

/** A provider that counts right now, and the domains that its tenant has proven. */
export type EnabledProvider = ProviderRow & { provenDomains: string[] };

/** A provider with its tenant (a UUID). */
export interface OfferedProvider {
  tenantId: string;
  provider: EnabledProvider;
}

/** The providers that may be signed in with: enabled, of an active tenant. */
@Injectable()
export class OfferedProviders {
  constructor(
    private readonly system: SystemDatabase,
    private readonly database: TenantDatabase,
    private readonly repository: IdentityProvidersRepository,
    private readonly domains: DomainsRepository,
  ) {}

  /** One by its public id. Throws 404. */
  async byPublicId(id: string): Promise<OfferedProvider> {
    const uuid = uuidOf('identityProvider', id);
    if (uuid === undefined) throw ssoErrors.providerNotFound();
    const tenantId = await this.system.run('credential-lookup', (tx) => this.repository.locate(tx, uuid));
    const provider = tenantId === undefined ? undefined : await this.enabled(tenantId, uuid);
    if (tenantId === undefined || provider === undefined) throw ssoErrors.providerNotFound();
    return { tenantId, provider };
  }

  /** One of a tenant by its UUID; undefined where it does not count any more. */
  enabled(tenantId: string, id: string): Promise<EnabledProvider | undefined> {
    return this.database.forTenant(tenantId, async (tx) => {
      const stored = await this.repository.byId(tx, tenantId, id);
      return stored?.enabled === true ? { ...stored, provenDomains: await this.repository.provenDomains(tx, tenantId) } : undefined;
    });
  }

  /** Those of a tenant by its public id; the same empty list where there are none and where there is no such tenant. */
  async ofTenant(publicTenantId: string) {
    const tenantId = uuidOf('tenant', publicTenantId);
    return tenantId === undefined ? [] : this.offeredBy(tenantId);
  }

  /** Those of the tenants that have proven a domain. */
  async ofDomain(domain: string) {
    const tenants = await this.system.run('credential-lookup', (tx) => this.domains.provenBy(tx, domain));
    return (await Promise.all(tenants.map((tenantId) => this.offeredBy(tenantId)))).flat();
  }

  private async offeredBy(tenantId: string) {
    const offered = await this.database.forTenant(tenantId, (tx) => this.repository.offered(tx, tenantId));
    return offered.map(({ id, name, kind }) => ({ id: publicId('identityProvider', id), name, kind }));
  }
}
