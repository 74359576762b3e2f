import { Inject, Injectable } from '@nestjs/common';
import { newUuid } from '../../kernel/ids.ts';
import { SystemDatabase } from '../../platform/database/index.ts';
import { type ModelFacts, CatalogRepository } from './catalog/catalog.repository.ts';
import { Catalog } from './catalog/catalog.ts';
import { checkCredential } from './credentials/check-credential.ts';
import { CredentialSecrets } from './credentials/credential-secrets.ts';
import { CredentialsRepository, type PlatformCredentialRow } from './credentials/credentials.repository.ts';
import { BaseUrl, Secret } from './credentials/credentials.schemas.ts';
import type { Price } from './model-provider.ts';
import { type ModelsConfig, modelsConfig } from './models.config.ts';
import { isReferenced } from './models.errors.ts';
import { PlatformRoutesRepository } from './routes/platform-routes.repository.ts';
import { PlatformRoute, RouteName } from './routes/routes.schemas.ts';
import type { ProviderKind } from './routing/target.ts';

/** A credential of the platform, as an operator gives it. */
export interface PlatformCredential {
  name: string;
  kind: ProviderKind;
  baseUrl: string | null;
  apiVersion: string | null;
  secret: string;
  /** Whether an agreement covers what the provider is given; absent = no. */
  covered?: boolean;
  /** Saves it untested. */
  skipTest?: boolean;
}

/** What an operator gave makes no sense, or is in use: one sentence that may be shown. */
export class SettingRefused extends Error {
  override name = 'SettingRefused';
}

/** What operators say of models: the catalog with its prices, and the credentials and routes that all tenants share. */
@Injectable()
export class ModelSettings {
  constructor(
    private readonly database: SystemDatabase,
    private readonly catalog: CatalogRepository,
    private readonly known: Catalog,
    private readonly credentials: CredentialsRepository,
    private readonly secrets: CredentialSecrets,
    private readonly routes: PlatformRoutesRepository,
    @Inject(modelsConfig.token) private readonly config: ModelsConfig,
  ) {}

  /** Every model with the price in force, and those to come. */
  async models() {
    await this.known.read();
    return this.known.all();
  }

  /** Adds a model to the catalog, or changes what is said of it; what is absent stays as it is. */
  async setModel(name: string, facts: Partial<Omit<ModelFacts, 'name'>>): Promise<void> {
    await this.database.run('model-settings', async (tx) => {
      const old = await this.catalog.byName(tx, name);
      const window = facts.window ?? old?.window;
      if (window === undefined) throw new SettingRefused('A new model needs its window.');
      if (window < 512 || window > 100_000_000) throw new SettingRefused('A window has 512 to 100,000,000 tokens.');
      if (facts.maxOutput === 0) throw new SettingRefused('The longest answer has at least one token.');
      const none = { maxOutput: null, vision: false, tools: false, reasoning: false, continues: false };
      await this.catalog.put(tx, { ...none, ...old, ...facts, name, window });
    });
  }

  /** Sets a model's price from a moment on; undefined is now. */
  async setPrice(name: string, price: Price, startsAt: Date | undefined): Promise<void> {
    await this.database.run('model-settings', async (tx) => {
      if ((await this.catalog.byName(tx, name)) === undefined) throw new SettingRefused(`The catalog has no model ${name}.`);
      await this.catalog.price(tx, name, price, startsAt ?? null);
    });
  }

  /** False when there is no such model. */
  removeModel(name: string): Promise<boolean> {
    return this.database.run('model-settings', (tx) => this.catalog.remove(tx, name));
  }

  /** The platform's credentials, without their secrets. */
  platformCredentials(): Promise<PlatformCredentialRow[]> {
    return this.database.run('model-settings', (tx) => this.credentials.platformAll(tx));
  }

  /**
   * Tries a credential of the platform and adds it, or puts it in place of the one of its name. Throws for a refused key. Gives how the
   * trial went: `ok`, `skipped`, or what failed; a provider that is away now does not keep its key from being saved.
   */
  async putCredential(given: PlatformCredential): Promise<string> {
    const { name, kind, baseUrl, apiVersion, secret } = given;
    if (!Secret.safeParse(secret).success) throw new SettingRefused('The secret must be 1 to 1,000 visible ASCII characters.');
    if (baseUrl !== null && !BaseUrl.safeParse(baseUrl).success)
      throw new SettingRefused('The base URL must be http or https, without user or query.');
    if (baseUrl === null && (kind === 'azure' || kind === 'compatible'))
      throw new SettingRefused(`A credential of kind ${kind} needs a base URL.`);
    const trial = { kind, baseUrl, apiVersion, secret, owner: { kind: 'platform' as const } };
    const result = given.skipTest === true ? 'skipped' : await checkCredential(trial, this.config);
    if (result === 'credential') throw new SettingRefused('The provider refuses this key. Nothing was saved.');
    await this.database.run('model-settings', async (tx) => {
      const id = (await this.credentials.platformByName(tx, name))?.id ?? newUuid();
      const sealed = await this.secrets.sealForPlatform(id, secret);
      await this.credentials.putForPlatform(tx, { id, name, kind, baseUrl, apiVersion, secret: sealed, covered: given.covered === true });
    });
    return result;
  }

  /** False when there is no such credential. Throws while a route uses it. */
  async removeCredential(name: string): Promise<boolean> {
    try {
      return await this.database.run('model-settings', (tx) => this.credentials.deleteForPlatform(tx, name));
    } catch (error) {
      throw isReferenced(error) ? new SettingRefused(`A route uses ${name}: take it out of its routes first.`) : error;
    }
  }

  /** The targets of the platform's routes, by route, in order. */
  platformRoutes() {
    return this.database.run('model-settings', (tx) => this.routes.all(tx));
  }

  /** Adds a route of the platform, or puts it in place of the one of its name. */
  async putRoute(name: string, given: unknown): Promise<void> {
    if (!RouteName.safeParse(name).success) throw new SettingRefused('The name of a route has letters, digits and . _ : / - only.');
    const parsed = PlatformRoute.safeParse(given);
    if (!parsed.success) {
      const [issue] = parsed.error.issues;
      throw new SettingRefused(`The route is not valid: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`);
    }
    const { after_content_filter: afterContentFilter, targets } = parsed.data;
    await this.database.run('model-settings', async (tx) => {
      const byName = new Map((await this.credentials.platformAll(tx)).map(({ name: credential, id }) => [credential, id]));
      const rows = targets.map(({ credential, model, provider_model: providerModel, continues, tier, weight }) => {
        const credentialId = credential === null ? null : byName.get(credential);
        if (credentialId === undefined) throw new SettingRefused(`There is no credential ${credential ?? ''} of the platform.`);
        return { credentialId, model, providerModel, continues, tier, weight };
      });
      await this.routes.put(tx, { id: newUuid(), name, afterContentFilter, targets: rows });
    });
  }

  /** False when there is no such route. */
  removeRoute(name: string): Promise<boolean> {
    return this.database.run('model-settings', (tx) => this.routes.delete(tx, name));
  }
}
