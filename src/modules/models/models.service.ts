import { Inject, Injectable } from '@nestjs/common';
import { baseUrlOf } from './credentials/open-provider.ts';
import type { ModelResult } from './model-provider.ts';
import { type ModelsConfig, modelsConfig } from './models.config.ts';
import { RouteResolver, type RouteView } from './routes/route-resolver.ts';
import type { AnswerRequest, ModelListener } from './routing/answer-listener.ts';
import { ModelRouter } from './routing/model-router.ts';
import type { ProviderKind, TargetCredential } from './routing/target.ts';

/** A provider that a tenant's bots can reach, as its credential says. */
export interface ReachableProvider {
  kind: ProviderKind;
  /** Whose credential it is. */
  owner: 'environment' | 'platform' | 'tenant';
  /** Where it is called. */
  host: string;
  covered: boolean;
  /** Names of routes that lead there. */
  routes: string[];
}

function hostOf(credential: TargetCredential): string {
  const url = baseUrlOf(credential);
  return url !== undefined && URL.canParse(url) ? new URL(url).host : '';
}

/** The models that bots answer with. */
@Injectable()
export class Models {
  constructor(
    @Inject(modelsConfig.token) private readonly config: ModelsConfig,
    private readonly routes: RouteResolver,
    private readonly router: ModelRouter,
  ) {}

  /** Model of a bot that names none. */
  get defaultModel(): string {
    return this.config.defaultModel;
  }

  /** Longest answer of a bot that sets none, in tokens. */
  get defaultMaxOutputTokens(): number {
    return this.config.maxOutputTokens;
  }

  /** Context window of a model, in tokens. */
  contextWindow(model: string): number {
    return this.routes.windowOf(model);
  }

  /** True when calls of a model can go on from a given text. */
  canContinue(model: string): boolean {
    return this.routes.continues(model);
  }

  /**
   * What the route of a name can do and cost: a route of the tenant, else one of the platform, else a model at the provider of the
   * environment. At most a few seconds old, and mostly from memory. Throws 422 `model_not_priced` where the tenant's cost is limited, and a model
   * that others pay for has no price, and 422 `provider_not_covered` where the privacy mode is strict and no provider of the route is covered.
   */
  routeFor(tenantId: string, name: string): Promise<RouteView> {
    return this.routes.view(tenantId, name);
  }

  /** Which providers a tenant's bots can reach, and by which routes (`*`: any model name that is no route). */
  async providersOf(tenantId: string): Promise<ReachableProvider[]> {
    const found = new Map<string, ReachableProvider>();
    for (const { route, target } of await this.routes.reachable(tenantId)) {
      const { id, kind, owner, covered } = target.credential;
      const known = found.get(id);
      if (known === undefined) {
        const host = hostOf(target.credential);
        found.set(id, { kind, owner: owner.kind, host, covered: covered === true, routes: [route] });
      } else if (!known.routes.includes(route)) known.routes.push(route);
    }
    return [...found.values()];
  }

  /**
   * Streams one answer by the targets of the route that the request names (see `ModelRouter.answer`): a failed call is followed by one of
   * another target, or of the same one later, within a bounded number of calls and the request's deadline. Where text is shown, a call
   * goes on from it if its model can; else it is taken back, and the answer begins anew. Rejects with ModelError.
   */
  async stream(request: AnswerRequest, listener: ModelListener): Promise<ModelResult> {
    return this.router.answer(await this.routes.find(request.tenantId, request.model), request, listener);
  }
}
