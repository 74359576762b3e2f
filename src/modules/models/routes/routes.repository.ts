import { Injectable } from '@nestjs/common';
import { changed, row, rows, type Transaction } from '../../../platform/database/index.ts';
import type { ProviderKind } from '../routing/target.ts';

/** A target of a route as stored. */
export interface TargetRow {
  credentialId: string | null;
  model: string;
  providerModel: string | null;
  continues: boolean | null;
  tier: number;
  weight: number;
}

/** A route as stored, with its targets in their order. */
export interface RouteRow {
  id: string;
  name: string;
  afterContentFilter: boolean;
  targets: TargetRow[];
  createdAt: Date;
  updatedAt: Date;
}

/** What is written of a route. */
export type RouteDraft = Pick<RouteRow, 'id' | 'name' | 'afterContentFilter' | 'targets'>;

/** One target with its route and credential, as the router needs it. */
export interface RoutedRow extends TargetRow {
  route: string;
  platform: boolean;
  afterContentFilter: boolean;
  credential: string | null;
  kind: ProviderKind | null;
  baseUrl: string | null;
  apiVersion: string | null;
  version: number | null;
  covered: boolean | null;
}

const asJson = `json_agg(json_build_object('credentialId', t.credential_id, 'model', t.model, 'providerModel', t.provider_model,
  'continues', t.continues, 'tier', t.tier, 'weight', t.weight) ORDER BY t.position)`;

const routed = (platform: boolean) => `r.name AS route, ${platform} AS platform, r.after_content_filter AS "afterContentFilter",
  t.credential_id AS "credentialId", t.model, t.provider_model AS "providerModel", t.continues, t.tier, t.weight, t.position,
  c.name AS credential, c.kind, c.base_url AS "baseUrl", c.api_version AS "apiVersion", c.version, c.covered`;

const tenantRoute = `SELECT r.id, r.name, r.after_content_filter AS "afterContentFilter", r.created_at AS "createdAt",
  r.updated_at AS "updatedAt", (SELECT ${asJson} FROM model_targets t WHERE t.tenant_id = r.tenant_id AND t.route_id = r.id) AS targets
  FROM model_routes r WHERE r.tenant_id = $1`;

/** Routes and their targets in Postgres. */
@Injectable()
export class RoutesRepository {
  /** Every target that a tenant's bots can reach by a route's name, the platform's included, in one statement. */
  routedFor(tx: Transaction, tenantId: string): Promise<RoutedRow[]> {
    return rows<RoutedRow>(
      tx,
      `SELECT ${routed(false)} FROM model_routes r JOIN model_targets t ON t.tenant_id = r.tenant_id AND t.route_id = r.id
         LEFT JOIN model_credentials c ON c.tenant_id = t.tenant_id AND c.id = t.credential_id WHERE r.tenant_id = $1
       UNION ALL
       SELECT ${routed(true)} FROM platform_model_routes r JOIN platform_model_targets t ON t.route_id = r.id
         LEFT JOIN platform_model_credentials c ON c.id = t.credential_id
       ORDER BY platform, route, position`,
      [tenantId],
    );
  }

  byId(tx: Transaction, tenantId: string, id: string): Promise<RouteRow | undefined> {
    return row<RouteRow>(tx, `${tenantRoute} AND r.id = $2`, [tenantId, id]);
  }

  /** Newest first, after the route `after`. */
  page(tx: Transaction, tenantId: string, limit: number, after: string | undefined): Promise<RouteRow[]> {
    return rows<RouteRow>(tx, `${tenantRoute} AND ($3::uuid IS NULL OR r.id < $3::uuid) ORDER BY r.id DESC LIMIT $2`, [
      tenantId,
      limit,
      after ?? null,
    ]);
  }

  /** Inserts a route unless the tenant has as many as it may; false then. Throws on a name that is taken. */
  async insert(tx: Transaction, tenantId: string, draft: RouteDraft, limit: number): Promise<boolean> {
    const count = await changed(
      tx,
      `INSERT INTO model_routes (tenant_id, id, name, after_content_filter)
       SELECT $1, $2, $3, $4 WHERE (SELECT count(*) FROM model_routes WHERE tenant_id = $1) < $5`,
      [tenantId, draft.id, draft.name, draft.afterContentFilter, limit],
    );
    if (count === 0) return false;
    await this.putTargets(tx, tenantId, draft);
    return true;
  }

  async update(tx: Transaction, tenantId: string, draft: RouteDraft): Promise<void> {
    await changed(tx, 'UPDATE model_routes SET name = $3, after_content_filter = $4, updated_at = now() WHERE tenant_id = $1 AND id = $2', [
      tenantId,
      draft.id,
      draft.name,
      draft.afterContentFilter,
    ]);
    await changed(tx, 'DELETE FROM model_targets WHERE tenant_id = $1 AND route_id = $2', [tenantId, draft.id]);
    await this.putTargets(tx, tenantId, draft);
  }

  async delete(tx: Transaction, tenantId: string, id: string): Promise<boolean> {
    return (await changed(tx, 'DELETE FROM model_routes WHERE tenant_id = $1 AND id = $2', [tenantId, id])) > 0;
  }

  /** The ids among `ids` that are credentials of the tenant. */
  async credentialsAmong(tx: Transaction, tenantId: string, ids: string[]): Promise<Set<string>> {
    const found = await rows<{ id: string }>(tx, 'SELECT id FROM model_credentials WHERE tenant_id = $1 AND id = ANY($2::uuid[])', [
      tenantId,
      ids,
    ]);
    return new Set(found.map(({ id }) => id));
  }

  private async putTargets(tx: Transaction, tenantId: string, { id, targets }: RouteDraft): Promise<void> {
    await changed(
      tx,
      `INSERT INTO model_targets (tenant_id, route_id, position, credential_id, model, provider_model, continues, tier, weight)
       SELECT $1, $2, * FROM ${unnested(3)}`,
      [tenantId, id, ...columnsOf(targets)],
    );
  }
}

/** Targets as one array a column: `ROWS` of position and what a target says, from parameter number `first` on. */
export function unnested(first: number): string {
  const types = ['integer', 'uuid', 'text', 'text', 'boolean', 'integer', 'integer'];
  return `unnest(${types.map((type, at) => `$${first + at}::${type}[]`).join(', ')})`;
}

/** The values that go with `unnested`. */
export function columnsOf(targets: TargetRow[]): unknown[] {
  return [
    targets.map((_, at) => at),
    targets.map(({ credentialId }) => credentialId),
    targets.map(({ model }) => model),
    targets.map(({ providerModel }) => providerModel),
    targets.map(({ continues }) => continues),
    targets.map(({ tier }) => tier),
    targets.map(({ weight }) => weight),
  ];
}
