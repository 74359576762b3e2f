import { Inject, Injectable } from '@nestjs/common';
import { CannotDecrypt, defineSealedTable, KeyRing, type Place, platformTenant, seal } from '../../../platform/crypto/index.ts';
import { TenantDatabase } from '../../../platform/database/index.ts';
import { type ModelsConfig, modelsConfig } from '../models.config.ts';
import type { TargetCredential } from '../routing/target.ts';
import { CredentialsRepository } from './credentials.repository.ts';

defineSealedTable({ table: 'model_credentials', columns: ['secret'] });
// Each change of a row raises its version.
defineSealedTable({ table: 'platform_model_credentials', columns: ['secret'], platformVersion: 'version' });

/**
 * Secrets of credentials: a tenant's sealed with the tenant's key, the platform's with the platform's, each for its own row. They are
 * opened when a provider is, and go nowhere else.
 */
@Injectable()
export class CredentialSecrets {
  constructor(
    private readonly database: TenantDatabase,
    private readonly keyRing: KeyRing,
    private readonly credentials: CredentialsRepository,
    @Inject(modelsConfig.token) private readonly config: ModelsConfig,
  ) {}

  /** The secret of a credential; undefined when it is gone, or cannot be opened. */
  async of({ id, owner }: TargetCredential): Promise<string | undefined> {
    if (owner.kind === 'environment') return environmentKey(this.config);
    const tenantId = owner.kind === 'tenant' ? owner.tenantId : platformTenant;
    const sealed = await this.database.atOnce(tenantId, (tx) =>
      owner.kind === 'tenant' ? this.credentials.secret(tx, tenantId, id) : this.credentials.platformSecret(tx, id),
    );
    if (sealed === undefined) return undefined;
    try {
      return (await this.keyRing.open(placeOf(tenantId, id), sealed)).toString();
    } catch (error) {
      if (error instanceof CannotDecrypt) return undefined;
      throw error;
    }
  }

  /** A tenant's secret as it is stored in row `id`. */
  async seal(tenantId: string, id: string, secret: string): Promise<Buffer> {
    return seal(await this.keyRing.tenantKey(tenantId), placeOf(tenantId, id), secret);
  }

  /** A secret of the platform as it is stored in row `id`. */
  sealForPlatform(id: string, secret: string): Promise<Buffer> {
    return this.seal(platformTenant, id, secret);
  }
}

/** The key that the environment names. */
export function environmentKey({ azureEndpoint, apiKey, azureApiKey }: ModelsConfig): string {
  return azureEndpoint === undefined ? apiKey : (azureApiKey ?? apiKey);
}

function placeOf(tenantId: string, rowId: string): Place {
  return { tenantId, table: tenantId === platformTenant ? 'platform_model_credentials' : 'model_credentials', column: 'secret', rowId };
}
