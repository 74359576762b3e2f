import { Injectable } from '@nestjs/common';
import { newUuid, publicId, uuidOf } from '../../../kernel/ids.ts';
import type { Principal } from '../../../kernel/principal.ts';
import { actorOf, type AuditAction, type AuditDetail, auditTrail } from '../../../platform/audit/index.ts';
import { TenantDatabase, type Transaction } from '../../../platform/database/index.ts';
import { type PageQuery, toPage } from '../../../platform/http/index.ts';
import { isTaken, modelErrors } from '../models.errors.ts';
import { RouteTable } from './route-table.ts';
import { type RouteRow, RoutesRepository, type TargetRow } from './routes.repository.ts';
import type { CreateRoute, UpdateRoute } from './routes.schemas.ts';

/** Routes of one tenant at most. */
const maxRoutes = 100;

/** A tenant's own routes: which models, at which providers and in which order, answer under a name. */
@Injectable()
export class RoutesService {
  constructor(
    private readonly database: TenantDatabase,
    private readonly routes: RoutesRepository,
    private readonly table: RouteTable,
  ) {}

  /** Throws 400 for a credential that is not the tenant's, 409 for a name that is taken. */
  async create(caller: Principal, body: CreateRoute) {
    const { tenantId } = caller;
    const id = newUuid();
    const draft = { id, name: body.name, afterContentFilter: body.after_content_filter, targets: targetsOf(body.targets) };
    const stored = await this.database
      .forTenant(tenantId, async (tx) => {
        await this.checkCredentials(tx, tenantId, draft.targets);
        if (!(await this.routes.insert(tx, tenantId, draft, maxRoutes))) throw modelErrors.tooMany('model routes', maxRoutes);
        record(tx, caller, 'model_route.create', id, { targets: draft.targets.length });
        return this.routes.byId(tx, tenantId, id);
      })
      .catch(toConflict);
    this.table.forget(tenantId);
    return present(found(stored));
  }

  /** One route. Throws 404. */
  async get({ tenantId }: Principal, id: string) {
    const uuid = routeUuid(id);
    return present(found(await this.database.forTenant(tenantId, (tx) => this.routes.byId(tx, tenantId, uuid))));
  }

  /** A page of routes, newest first. */
  async list({ tenantId }: Principal, query: PageQuery) {
    const after = query.after === undefined ? undefined : routeUuid(query.after);
    const stored = await this.database.forTenant(tenantId, (tx) => this.routes.page(tx, tenantId, query.limit + 1, after));
    return toPage(stored, query.limit, present);
  }

  /** Counts for calls that begin some seconds later, on every replica. Throws 404, and as `create` does. */
  async update(caller: Principal, id: string, body: UpdateRoute) {
    const { tenantId } = caller;
    const uuid = routeUuid(id);
    const stored = await this.database
      .forTenant(tenantId, async (tx) => {
        const old = found(await this.routes.byId(tx, tenantId, uuid));
        const targets = body.targets === undefined ? old.targets : targetsOf(body.targets);
        await this.checkCredentials(tx, tenantId, targets);
        const afterContentFilter = body.after_content_filter ?? old.afterContentFilter;
        await this.routes.update(tx, tenantId, { id: uuid, name: body.name ?? old.name, afterContentFilter, targets });
        record(tx, caller, 'model_route.update', uuid, { fields: Object.keys(body), targets: targets.length });
        return this.routes.byId(tx, tenantId, uuid);
      })
      .catch(toConflict);
    this.table.forget(tenantId);
    return present(found(stored));
  }

  /** Throws 404. Bots that name the route fall back to a route of the platform, or a model, of this name. */
  async delete(caller: Principal, id: string): Promise<void> {
    const { tenantId } = caller;
    const uuid = routeUuid(id);
    await this.database.forTenant(tenantId, async (tx) => {
      if (!(await this.routes.delete(tx, tenantId, uuid))) throw modelErrors.routeNotFound();
      record(tx, caller, 'model_route.delete', uuid);
    });
    this.table.forget(tenantId);
  }

  private async checkCredentials(tx: Transaction, tenantId: string, targets: TargetRow[]): Promise<void> {
    const named = targets.flatMap(({ credentialId }) => (credentialId === null ? [] : [credentialId]));
    const known = named.length === 0 ? new Set<string>() : await this.routes.credentialsAmong(tx, tenantId, named);
    const unknown = targets.findIndex(({ credentialId }) => credentialId !== null && !known.has(credentialId));
    if (unknown !== -1) throw modelErrors.unknownCredential(unknown);
  }
}

function record(tx: Transaction, caller: Principal, action: AuditAction, id: string, detail: AuditDetail = {}): void {
  auditTrail.record(tx, caller.tenantId, { actor: actorOf(caller), action, object: { kind: 'model_route', id }, detail });
}

function targetsOf(targets: CreateRoute['targets']): TargetRow[] {
  return targets.map(({ credential_id, model, provider_model, continues, tier, weight }, at) => {
    const credentialId = credential_id === null ? null : uuidOf('modelCredential', credential_id);
    if (credentialId === undefined) throw modelErrors.unknownCredential(at);
    return { credentialId, model, providerModel: provider_model, continues, tier, weight };
  });
}

function present(route: RouteRow) {
  return {
    object: 'model_route' as const,
    id: publicId('modelRoute', route.id),
    name: route.name,
    after_content_filter: route.afterContentFilter,
    targets: route.targets.map(({ credentialId, model, providerModel, continues, tier, weight }) => ({
      credential_id: credentialId === null ? null : publicId('modelCredential', credentialId),
      model,
      provider_model: providerModel,
      continues,
      tier,
      weight,
    })),
    created_at: route.createdAt.toISOString(),
    updated_at: route.updatedAt.toISOString(),
  };
}

function toConflict(error: unknown): never {
  throw isTaken(error) ? modelErrors.nameTaken('model route') : error;
}

function routeUuid(id: string): string {
  const uuid = uuidOf('modelRoute', id);
  if (uuid === undefined) throw modelErrors.routeNotFound();
  return uuid;
}

function found<T>(value: T | undefined): T {
  if (value === undefined) throw modelErrors.routeNotFound();
  return value;
}
