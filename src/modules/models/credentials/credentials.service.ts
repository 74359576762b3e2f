import { Inject, Injectable } from '@nestjs/common';
import { newUuid, publicId, uuidOf } from '../../../kernel/ids.ts';
import type { Principal } from '../../../kernel/principal.ts';
import { actorOf, type AuditAction, type AuditDetail, auditTrail } from '../../../platform/audit/index.ts';
import { TenantDatabase, type Transaction } from '../../../platform/database/index.ts';
import { type PageQuery, toPage } from '../../../platform/http/index.ts';
import { isReferenced, isTaken, modelErrors } from '../models.errors.ts';
import { type ModelsConfig, modelsConfig } from '../models.config.ts';
import { RouteTable } from '../routes/route-table.ts';
import { checkCredential, type CredentialTrial } from './check-credential.ts';
import { CredentialSecrets } from './credential-secrets.ts';
import { type CredentialRow, CredentialsRepository } from './credentials.repository.ts';
import type { CreateCredential, UpdateCredential } from './credentials.schemas.ts';
import { baseUrlOf } from './open-provider.ts';
import { leadsToPublicHost } from '../../../platform/outbound/index.ts';

/** Credentials of one tenant at most. */
const maxCredentials = 100;

/** Keys shorter than this show nothing of themselves. */
const hintedFrom = 16;

/** A tenant's own credentials at model providers. Their secrets go in, and never come out. */
@Injectable()
export class CredentialsService {
  constructor(
    private readonly database: TenantDatabase,
    private readonly credentials: CredentialsRepository,
    private readonly secrets: CredentialSecrets,
    private readonly routes: RouteTable,
    @Inject(modelsConfig.token) private readonly config: ModelsConfig,
  ) {}

  /** Tries and saves a credential. Throws 422 for a refused key or a URL into private networks, 409 for a name that is taken. */
  async create(caller: Principal, body: CreateCredential) {
    const { tenantId } = caller;
    const checkResult = await this.tried(tenantId, body, body.skip_test);
    const id = newUuid();
    const { name, kind, base_url: baseUrl, api_version: apiVersion, covered } = body;
    const secret = await this.secrets.seal(tenantId, id, body.secret);
    const draft = { id, name, kind, baseUrl, apiVersion, secret, hint: hintOf(body.secret), covered, checkResult };
    const stored = await this.database
      .forTenant(tenantId, async (tx) => {
        if (!(await this.credentials.insert(tx, tenantId, draft, maxCredentials)))
          throw modelErrors.tooMany('model credentials', maxCredentials);
        record(tx, caller, 'model_credential.create', id, { kind, covered });
        return this.credentials.byId(tx, tenantId, id);
      })
      .catch(toConflict);
    return present(found(stored));
  }

  /** One credential. Throws 404. */
  async get({ tenantId }: Principal, id: string) {
    return present(await this.stored(tenantId, credentialUuid(id)));
  }

  /** A page of credentials, newest first. */
  async list({ tenantId }: Principal, query: PageQuery) {
    const after = query.after === undefined ? undefined : credentialUuid(query.after);
    const stored = await this.database.forTenant(tenantId, (tx) => this.credentials.page(tx, tenantId, query.limit + 1, after));
    return toPage(stored, query.limit, present);
  }

  /**
   * Changes a credential; a new secret is tried first. A change of kind or URL needs the secret along: whoever may change a
   * credential must not be able to have it sent to a server of their own. Throws 404, and as `create` does.
   */
  async update(caller: Principal, id: string, body: UpdateCredential) {
    const { tenantId } = caller;
    const uuid = credentialUuid(id);
    const old = await this.stored(tenantId, uuid);
    const { secret } = body;
    const next = {
      name: body.name ?? old.name,
      kind: body.kind ?? old.kind,
      base_url: body.base_url === undefined ? old.baseUrl : body.base_url,
      api_version: body.api_version === undefined ? old.apiVersion : body.api_version,
    };
    if (secret === undefined && (next.kind !== old.kind || next.base_url !== old.baseUrl)) throw modelErrors.secretRequired();
    const checkResult = secret === undefined ? old.checkResult : await this.tried(tenantId, { ...next, secret }, body.skip_test ?? false);
    const draft = {
      id: uuid,
      name: next.name,
      kind: next.kind,
      baseUrl: next.base_url,
      apiVersion: next.api_version,
      secret: secret === undefined ? null : await this.secrets.seal(tenantId, uuid, secret),
      hint: secret === undefined ? old.hint : hintOf(secret),
      // An agreement is with one provider: who is elsewhere now must say it again.
      covered: body.covered ?? (old.covered && next.kind === old.kind && next.base_url === old.baseUrl),
      checkResult,
    };
    const stored = await this.database
      .forTenant(tenantId, async (tx) => {
        await this.credentials.update(tx, tenantId, draft);
        record(tx, caller, 'model_credential.update', uuid, { fields: Object.keys(body), covered: draft.covered });
        return this.credentials.byId(tx, tenantId, uuid);
      })
      .catch(toConflict);
    this.routes.forget(tenantId);
    return present(found(stored));
  }

  /** Deletes a credential. Throws 404, and 409 while a route uses it. */
  async delete(caller: Principal, id: string): Promise<void> {
    const { tenantId } = caller;
    const uuid = credentialUuid(id);
    const gone = await this.database
      .forTenant(tenantId, async (tx) => {
        const deleted = await this.credentials.delete(tx, tenantId, uuid);
        if (deleted) record(tx, caller, 'model_credential.delete', uuid);
        return deleted;
      })
      .catch((error: unknown) => {
        throw isReferenced(error) ? modelErrors.credentialInUse() : error;
      });
    if (!gone) throw modelErrors.credentialNotFound();
    this.routes.forget(tenantId);
  }

  /** The result of the trial. Where a URL leads is looked at even without one. */
  private async tried(
    tenantId: string,
    body: Pick<CreateCredential, 'kind' | 'base_url' | 'api_version' | 'secret'>,
    skip: boolean,
  ): Promise<string> {
    const trial: CredentialTrial = {
      kind: body.kind,
      baseUrl: body.base_url,
      apiVersion: body.api_version,
      secret: body.secret,
      owner: { kind: 'tenant', tenantId },
    };
    const url = baseUrlOf(trial);
    if (url === undefined) throw modelErrors.baseUrlRequired();
    if (!this.config.allowPrivateUrls && !(url.startsWith('https:') && (await leadsToPublicHost(url))))
      throw modelErrors.addressNotAllowed();
    if (skip) return 'skipped';
    const result = await checkCredential(trial, this.config);
    if (result === 'credential') throw modelErrors.credentialRefused();
    return result;
  }

  private async stored(tenantId: string, id: string): Promise<CredentialRow> {
    return found(await this.database.forTenant(tenantId, (tx) => this.credentials.byId(tx, tenantId, id)));
  }
}

function record(tx: Transaction, caller: Principal, action: AuditAction, id: string, detail: AuditDetail = {}): void {
  auditTrail.record(tx, caller.tenantId, { actor: actorOf(caller), action, object: { kind: 'model_credential', id }, detail });
}

function present(row: CredentialRow) {
  return {
    object: 'model_credential' as const,
    id: publicId('modelCredential', row.id),
    name: row.name,
    kind: row.kind,
    base_url: row.baseUrl,
    api_version: row.apiVersion,
    covered: row.covered,
    hint: row.hint,
    check: { result: row.checkResult, at: row.checkedAt?.toISOString() ?? null },
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
  };
}

function hintOf(secret: string): string {
  return secret.length < hintedFrom ? '…' : `…${secret.slice(-4)}`;
}

function toConflict(error: unknown): never {
  throw isTaken(error) ? modelErrors.nameTaken('model credential') : error;
}

function credentialUuid(id: string): string {
  const uuid = uuidOf('modelCredential', id);
  if (uuid === undefined) throw modelErrors.credentialNotFound();
  return uuid;
}

function found<T>(value: T | undefined): T {
  if (value === undefined) throw modelErrors.credentialNotFound();
  return value;
}
