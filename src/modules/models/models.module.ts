import { Module } from '@nestjs/common';
import { PlansModule } from '../plans/index.ts';
import { PrivacyModule } from '../privacy/index.ts';
import { CatalogRepository } from './catalog/catalog.repository.ts';
import { Catalog } from './catalog/catalog.ts';
import { CredentialSecrets } from './credentials/credential-secrets.ts';
import { CredentialsController } from './credentials/credentials.controller.ts';
import { CredentialsRepository } from './credentials/credentials.repository.ts';
import { CredentialsService } from './credentials/credentials.service.ts';
import { ProviderPool } from './credentials/provider-pool.ts';
import { ModelHealthController } from './health/model-health.controller.ts';
import { ModelHealth } from './health/model-health.ts';
import { ModelSettings } from './model-settings.ts';
import { ModelsData } from './models-data.ts';
import { Models } from './models.service.ts';
import { PlatformRoutesRepository } from './routes/platform-routes.repository.ts';
import { RouteResolver } from './routes/route-resolver.ts';
import { RouteTable } from './routes/route-table.ts';
import { RoutesController } from './routes/routes.controller.ts';
import { RoutesRepository } from './routes/routes.repository.ts';
import { RoutesService } from './routes/routes.service.ts';
import { Pacer } from './pacing/pacer.ts';
import { CallPacing } from './routing/call-pacing.ts';
import { ModelRouter } from './routing/model-router.ts';
import { TargetCalls } from './routing/target-calls.ts';
import { TargetHealths } from './routing/target-healths.ts';

const catalog = [Catalog, CatalogRepository];
const credentials = [CredentialsRepository, CredentialSecrets, CredentialsService, ProviderPool];
const routes = [RoutesRepository, PlatformRoutesRepository, RouteTable, RouteResolver, RoutesService];
const routing = [TargetHealths, Pacer, CallPacing, TargetCalls, ModelRouter];

/** Models: what is known of them, who serves them, and who is asked next when that fails. */
@Module({
  imports: [PlansModule, PrivacyModule],
  controllers: [CredentialsController, RoutesController, ModelHealthController],
  providers: [...catalog, ...credentials, ...routes, ...routing, ModelHealth, ModelSettings, Models, ModelsData],
  exports: [Models, ModelSettings, Pacer],
})
export class ModelsModule {}
