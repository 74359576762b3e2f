import { Injectable } from '@nestjs/common';
import { clock } from '../../../kernel/clock.ts';
import { newUuid, publicId, uuidOf } from '../../../kernel/ids.ts';
import type { Principal } from '../../../kernel/principal.ts';
import { type ActingFor, actorOf, type AuditAction, type AuditDetail, auditTrail } from '../../../platform/audit/index.ts';
import { KeyedHash } from '../../../platform/crypto/index.ts';
import { TenantDatabase, type Transaction } from '../../../platform/database/index.ts';
import { type PageQuery, toPage } from '../../../platform/http/index.ts';
import { CredentialChanges } from '../access/credential-changes.ts';
import { CreationLimits } from '../creation-limits.ts';
import { identityErrors } from '../identity.errors.ts';
import { type ApiKeyDraft, type ApiKeyRow, ApiKeysRepository, isUnknownBot } from './api-keys.repository.ts';
import { type CreateApiKey, type RollApiKey, toApiKeyResponse } from './api-keys.schemas.ts';
import { hintOf, newKey } from './key-format.ts';
import { grantedScopes, requireHeld, storedScopes } from './scopes.ts';

/** Whose key is made, by whom, and what may be passed on. */
export type Grantor = Principal | (ActingFor & Pick<Principal, 'permissions'>);

/** A tenant's API keys. */
@Injectable()
export class ApiKeys {
  constructor(
    private readonly database: TenantDatabase,
    private readonly repository: ApiKeysRepository,
    private readonly hash: KeyedHash,
    private readonly changes: CredentialChanges,
    private readonly creations: CreationLimits,
  ) {}

  /** Makes a key; the answer holds it in clear, once. 403 when it would permit more than the caller may, 404 for a foreign bot, 429 when the tenant has as many as it may. */
  async create(caller: Grantor, body: CreateApiKey) {
    const scopes = grantedScopes(caller.permissions, body.kind, body.scopes);
    const expiresAt = body.expires_at === undefined ? null : new Date(body.expires_at);
    if (expiresAt !== null && expiresAt.getTime() <= clock.now()) throw identityErrors.expiryInThePast();
    const botId = body.bot_id === undefined ? null : uuidOf('bot', body.bot_id);
    if (botId === undefined) throw identityErrors.botNotFound();
    const fresh = this.draft({ name: body.name, kind: body.kind, mode: body.mode, scopes, botId, expiresAt });
    const stored = await this.database.forTenant(caller.tenantId, async (tx) => {
      await this.creations.take(tx, caller.tenantId, 'api_keys');
      record(tx, caller, 'api_key.create', fresh.draft.id, { kind: body.kind });
      return this.insert(tx, caller.tenantId, fresh.draft);
    });
    return { ...toApiKeyResponse(stored), key: fresh.key };
  }

  /** One page of the tenant's keys, newest first. */
  async list(caller: Principal, query: PageQuery) {
    const after = query.after === undefined ? undefined : uuidOf('apiKey', query.after);
    if (query.after !== undefined && after === undefined) throw identityErrors.unknownCursor();
    const found = await this.database.forTenant(caller.tenantId, (tx) => this.repository.page(tx, caller.tenantId, query.limit + 1, after));
    return toPage(found, query.limit, toApiKeyResponse);
  }

  /** One key. 404 when it is missing, revoked or another tenant's. */
  async get(caller: Principal, id: string) {
    return toApiKeyResponse(await this.database.forTenant(caller.tenantId, (tx) => this.require(tx, caller.tenantId, keyUuid(id))));
  }

  /** Ends a key for good, on all replicas within seconds. */
  async revoke(caller: Principal, id: string): Promise<void> {
    const keyId = keyUuid(id);
    await this.database.forTenant(caller.tenantId, async (tx) => {
      if (!(await this.repository.revoke(tx, caller.tenantId, keyId))) throw identityErrors.apiKeyNotFound();
      record(tx, caller, 'api_key.revoke', keyId);
    });
    this.changes.announce(caller.tenantId);
  }

  /**
   * Makes a successor with the same properties and lets the old key live for the overlap; the key that the old one had replaced ends at once, unless the old
   * one was never used: then that one ends, and the key before it lives for the overlap. 403 when the old key permits more than the caller may (the caller
   * would come by it), 409 when the key has a successor or has expired.
   */
  async roll(caller: Principal, id: string, body: RollApiKey) {
    const { tenantId } = caller;
    const oldId = keyUuid(id);
    const rolled = await this.database.forTenant(tenantId, async (tx) => {
      const old = await this.require(tx, tenantId, oldId);
      const scopes = requireHeld(caller.permissions, storedScopes(old.kind, old.scopes));
      const fresh = this.draft({ name: old.name, kind: old.kind, mode: old.mode, scopes, botId: old.botId, expiresAt: old.expiresAt });
      const won = await this.repository.succeed(tx, tenantId, oldId, fresh.draft.id, body.overlap_seconds);
      if (!won) throw identityErrors.alreadyRolled();
      record(tx, caller, 'api_key.roll', oldId, { successor: publicId('apiKey', fresh.draft.id), overlap_seconds: body.overlap_seconds });
      return { stored: await this.insert(tx, tenantId, fresh.draft), key: fresh.key };
    });
    this.changes.announce(tenantId);
    return { ...toApiKeyResponse(rolled.stored), key: rolled.key };
  }

  private draft(properties: Omit<ApiKeyDraft, 'id' | 'hint' | 'keyHash'>): { key: string; draft: ApiKeyDraft } {
    const key = newKey(properties.kind, properties.mode);
    return { key, draft: { ...properties, id: newUuid(), hint: hintOf(key), keyHash: this.hash.of('api-key', key) } };
  }

  private insert(tx: Transaction, tenantId: string, draft: ApiKeyDraft): Promise<ApiKeyRow> {
    return this.repository.insert(tx, tenantId, draft).catch((error: unknown) => {
      throw isUnknownBot(error) ? identityErrors.botNotFound() : error;
    });
  }

  private async require(tx: Transaction, tenantId: string, id: string): Promise<ApiKeyRow> {
    const found = await this.repository.find(tx, tenantId, id);
    if (found === undefined) throw identityErrors.apiKeyNotFound();
    return found;
  }
}

function record(tx: Transaction, caller: Grantor, action: AuditAction, id: string, detail: AuditDetail = {}): void {
  auditTrail.record(tx, caller.tenantId, { actor: actorOf(caller), action, object: { kind: 'api_key', id }, detail });
}

function keyUuid(id: string): string {
  const uuid = uuidOf('apiKey', id);
  if (uuid === undefined) throw identityErrors.apiKeyNotFound();
  return uuid;
}
