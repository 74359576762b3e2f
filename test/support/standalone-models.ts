import { Catalog, type CatalogModel } from '../../src/modules/models/catalog/catalog.ts';
import type { CredentialSecrets } from '../../src/modules/models/credentials/credential-secrets.ts';
import { ProviderPool } from '../../src/modules/models/credentials/provider-pool.ts';
import type { ModelsConfig } from '../../src/modules/models/models.config.ts';
import { Models } from '../../src/modules/models/models.service.ts';
import { RouteResolver } from '../../src/modules/models/routes/route-resolver.ts';
import { CallPacing } from '../../src/modules/models/routing/call-pacing.ts';
import { ModelRouter } from '../../src/modules/models/routing/model-router.ts';
import { TargetCalls } from '../../src/modules/models/routing/target-calls.ts';
import { TargetHealths } from '../../src/modules/models/routing/target-healths.ts';

const model = (name: string, window: number, continues: boolean): CatalogModel => ({
  ...{ name, window, continues, maxOutput: null, vision: false, tools: false, reasoning: false },
  prices: [{ startsAt: 0, input: 1_000, output: 2_000 }],
});

/** What is known of models where there is no database. */
export const standaloneCatalog = [
  model('demo-small', 8_192, true),
  model('demo-large', 131_072, true),
  model('gpt-4o', 128_000, false),
  model('gpt-4', 8_192, false),
];

/** Models without database and Redis: only the provider of the environment. */
export function standaloneModels(config: ModelsConfig) {
  const parts = standaloneRouter(config, () => Promise.resolve(config.apiKey));
  const models = new Models(config, new RouteResolver(parts.catalog, config), parts.router);
  return { ...parts, models };
}

/** A router whose credentials have their secrets from `secretOf`. */
export function standaloneRouter(config: ModelsConfig, secretOf: CredentialSecrets['of']) {
  const catalog = new Catalog();
  catalog.replace(standaloneCatalog);
  const healths = new TargetHealths(config);
  const providers = new ProviderPool({ of: secretOf } as CredentialSecrets, config);
  const router = new ModelRouter(new TargetCalls(providers, healths, catalog), new CallPacing(healths), healths, config);
  return { catalog, healths, router, close: () => providers.onApplicationShutdown() };
}
