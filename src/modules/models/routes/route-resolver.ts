import { Inject, Injectable, Optional } from '@nestjs/common';
import { PlanLimits } from '../../plans/index.ts';
import { TenantPrivacy } from '../../privacy/index.ts';
import { Catalog, type CatalogModel, dearest } from '../catalog/catalog.ts';
import { type ModelsConfig, modelsConfig } from '../models.config.ts';
import { modelErrors } from '../models.errors.ts';
import type { Price, Skill } from '../model-provider.ts';
import type { Route, Target, TargetCredential } from '../routing/target.ts';
import { type TargetPrice, targetPrice } from '../routing/target-price.ts';
import { RouteTable } from './route-table.ts';
import type { RoutedRow } from './routes.repository.ts';

/** Window from which on a model is said to take long contexts, in tokens. */
const longContextFrom = 100_000;

/** What a route can do and cost, for who plans an answer. */
export interface RouteView {
  name: string;
  /**
   * Who is asked first of those that are not the tenant's own, else of its own, as credential and model: routes that begin there share its places,
   * whatever their names.
   */
  firstAsked: string;
  /** Window of the biggest target of the first tier, in tokens; where others are smaller, the oldest history is left out for them. */
  window: number;
  /** Longest answer that any target gives, in tokens; undefined where nobody has said. */
  maxOutputTokens: number | undefined;
  /** Whether any target can go on from a given text. */
  continues: boolean;
  /** Upper bound of what a token can cost: the dearest target, with a price that begins within the hour. Micro-units for a million. */
  price: Price;
  /** Skills that at least one target has. */
  skills: Skill[];
}

/** Finds who answers under a name: a route of the tenant, else one of the platform, else a model at the provider of the environment. */
@Injectable()
export class RouteResolver {
  private readonly environment: TargetCredential;

  constructor(
    private readonly catalog: Catalog,
    @Inject(modelsConfig.token) private readonly config: ModelsConfig,
    @Optional() @Inject(RouteTable) private readonly table?: RouteTable,
    @Optional() @Inject(PlanLimits) private readonly plans?: PlanLimits,
    @Optional() @Inject(TenantPrivacy) private readonly privacy?: TenantPrivacy,
  ) {
    this.environment = environmentCredential(config);
  }

  /**
   * The route of a name; without a tenant there is only the provider of the environment. Where the tenant's privacy mode is strict, those of its targets
   * whose provider is covered. Throws 422 `provider_not_covered` when that is none.
   */
  async find(tenantId: string | undefined, name: string): Promise<Route> {
    const route = await this.named(tenantId, name);
    if (tenantId === undefined || this.privacy === undefined || !(await this.privacy.isStrict(tenantId))) return route;
    const targets = route.targets.filter(({ credential }) => credential.covered === true);
    if (targets.length === 0) throw modelErrors.providerNotCovered(name);
    return { ...route, targets };
  }

  /** Every target that the tenant's bots can name, whatever its mode: those of all routes, and the provider of the environment. */
  async reachable(tenantId: string): Promise<{ route: string; target: Target }[]> {
    const routes = await this.table?.all(tenantId);
    const routed = [...(routes ?? [])].flatMap(([route, found]) =>
      found.map((each) => ({ route, target: this.targetOf(each, credentialOf(each, tenantId) ?? this.environment) })),
    );
    const [any] = this.ofEnvironment(this.config.defaultModel).targets;
    return any === undefined ? routed : [...routed, { route: '*', target: any }];
  }

  private async named(tenantId: string | undefined, name: string): Promise<Route> {
    const found = tenantId === undefined ? undefined : await this.table?.find(tenantId, name);
    if (found === undefined || tenantId === undefined) return this.ofEnvironment(name);
    return {
      name,
      afterContentFilter: found[0]?.afterContentFilter === true,
      targets: found.map((each) => this.targetOf(each, credentialOf(each, tenantId) ?? this.environment)),
    };
  }

  /** What the route of a name can do and cost. Throws 422 `model_not_priced` where the tenant's cost is limited and cannot be known, and as `find` does. */
  async view(tenantId: string, name: string): Promise<RouteView> {
    const { targets } = await this.find(tenantId, name);
    const prices = targets.map((target) => targetPrice(target, (model) => this.catalog.priceBound(model)));
    await this.requirePrices(tenantId, prices);
    const firstTier = Math.min(...targets.map(({ tier }) => tier));
    const outputs = targets.map(({ maxOutput }) => maxOutput);
    const first = targets.filter(({ tier }) => tier === firstTier);
    return {
      name,
      firstAsked: firstAsked(targets)?.key ?? name,
      window: Math.max(...first.map(({ window }) => window)),
      maxOutputTokens: outputs.every((output) => output !== undefined) ? Math.max(...outputs) : undefined,
      continues: targets.some(({ continues }) => continues),
      price: dearest(prices.map(({ price }) => price)),
      skills: [...new Set(targets.flatMap(({ skills }) => [...skills]))],
    };
  }

  /** Context window of a model, in tokens. */
  windowOf(model: string): number {
    return this.catalog.find(model)?.window ?? this.config.contextTokens;
  }

  /** Whether calls of a model can go on from a given text: as the operator says, else as the catalog does. */
  continues(...names: string[]): boolean {
    const { continues: declared } = this.config;
    if (declared === undefined) return names.some((name) => this.catalog.find(name)?.continues === true);
    return declared.includes('*') || names.some((name) => declared.includes(name));
  }

  /** Without a limit on what a tenant costs, models may be without a price. */
  private async requirePrices(tenantId: string, prices: TargetPrice[]): Promise<void> {
    const unpriced = prices.find((each) => each.unpriced !== undefined)?.unpriced;
    if (unpriced === undefined || this.plans === undefined) return;
    const { limits } = await this.plans.of(tenantId);
    if (limits.cost_per_month !== undefined) throw modelErrors.notPriced(unpriced);
  }

  private ofEnvironment(model: string): Route {
    const given = { model, providerModel: null, continues: null, tier: 0, weight: 1, platform: false };
    return { name: model, afterContentFilter: false, targets: [this.targetOf(given, this.environment)] };
  }

  /** Tenants write any name into their bots: as a label only those count that an operator knows. */
  private labelOf({ name }: TargetCredential, providerModel: string): string {
    const known = providerModel === this.config.defaultModel ? providerModel : this.catalog.named(providerModel)?.name;
    return `${name}/${known ?? 'other'}`;
  }

  private targetOf(
    given: Pick<RoutedRow, 'model' | 'providerModel' | 'continues' | 'tier' | 'weight' | 'platform'>,
    credential: TargetCredential,
  ): Target {
    const { model, tier, weight } = given;
    const known = this.catalog.find(model);
    const providerModel = given.providerModel ?? model;
    return {
      key: `${credential.id}|${providerModel}`,
      name: `${credential.name}/${providerModel}`,
      ...(credential.owner.kind === 'environment' && !given.platform ? { label: this.labelOf(credential, providerModel) } : {}),
      credential,
      model,
      providerModel,
      namedByOperator: given.platform,
      tier,
      weight,
      window: this.windowOf(model),
      maxOutput: known?.maxOutput ?? undefined,
      continues: given.continues ?? this.continues(model, providerModel),
      skills: skillsOf(known, this.windowOf(model)),
    };
  }
}

/** The provider that the environment names. */
export function environmentCredential({
  azureEndpoint,
  azureApiVersion,
  baseUrl,
  providerCovered: covered,
}: ModelsConfig): TargetCredential {
  const common = { id: 'environment', name: 'default', owner: { kind: 'environment' as const }, version: 1, covered };
  if (azureEndpoint !== undefined) return { ...common, kind: 'azure', baseUrl: azureEndpoint, apiVersion: azureApiVersion };
  return { ...common, kind: 'compatible', baseUrl, apiVersion: null };
}

/** Whose places an answer takes. A tenant's own server before the platform's model would otherwise be a way around the bound on that one. */
function firstAsked(targets: readonly Target[]): Target | undefined {
  const inOrder = targets.toSorted((a, b) => a.tier - b.tier || b.weight - a.weight || a.key.localeCompare(b.key));
  return inOrder.find(({ credential }) => credential.owner.kind !== 'tenant') ?? inOrder[0];
}

function credentialOf(row: RoutedRow, tenantId: string): TargetCredential | undefined {
  const { credentialId, credential, kind, version, baseUrl, apiVersion, platform, covered } = row;
  if (credentialId === null || credential === null || kind === null || version === null) return undefined;
  const owner = platform ? { kind: 'platform' as const } : { kind: 'tenant' as const, tenantId };
  return { id: credentialId, name: credential, owner, kind, baseUrl, apiVersion, version, covered: covered === true };
}

function skillsOf(known: CatalogModel | undefined, window: number): Set<Skill> {
  const found = new Set<Skill>();
  if (known?.vision === true) found.add('vision');
  if (known?.tools === true) found.add('tools');
  if (known?.reasoning === true) found.add('reasoning');
  if (window >= longContextFrom) found.add('long_context');
  return found;
}
