import { Inject, Injectable } from '@nestjs/common';
import type { ModelResult } from './model-provider.ts';
import { type ModelsConfig, modelsConfig } from './models.config.ts';
import { RouteResolver, type RouteView } from './routes/route-resolver.ts';
import type { AnswerRequest, ModelListener } from './routing/answer-listener.ts';
import { ModelRouter } from './routing/model-router.ts';

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
   * that others pay for has no price.
   */
  routeFor(tenantId: string, name: string): Promise<RouteView> {
    return this.routes.view(tenantId, name);
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
