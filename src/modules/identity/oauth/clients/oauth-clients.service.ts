import { Injectable } from '@nestjs/common';
import { newUuid, uuidOf } from '../../../../kernel/ids.ts';
import type { Principal } from '../../../../kernel/principal.ts';
import { actorOf, type AuditAction, type AuditDetail, auditTrail } from '../../../../platform/audit/index.ts';
import { KeyedHash } from '../../../../platform/crypto/index.ts';
import { TenantDatabase, type Transaction } from '../../../../platform/database/index.ts';
import { type PageQuery, toPage } from '../../../../platform/http/index.ts';
import { CredentialChanges } from '../../access/credential-changes.ts';
import { requireHeld } from '../../api-keys/scopes.ts';
import { oauthErrors } from '../oauth.errors.ts';
import { newClientSecret, secretHint } from './client-secret.ts';
import { OAuthClientsRepository } from './oauth-clients.repository.ts';
import { type CreateOAuthClient, toOAuthClientResponse } from './oauth-clients.schemas.ts';

/** Clients that a tenant may have: each is a program that somebody looks after. */
const maxClients = 100;

/** A tenant's OAuth clients. */
@Injectable()
export class OAuthClients {
  constructor(
    private readonly database: TenantDatabase,
    private readonly repository: OAuthClientsRepository,
    private readonly hash: KeyedHash,
    private readonly changes: CredentialChanges,
  ) {}

  /** Makes a client; the answer holds its secret, once. 403 when it would get more than the caller may, 409 when there are as many as there may be. */
  async create(caller: Principal, body: CreateOAuthClient) {
    const { tenantId } = caller;
    const scopes = requireHeld(caller.permissions, new Set(body.scopes));
    const id = newUuid();
    const secret = body.confidential ? newClientSecret() : null;
    const stored = await this.database.forTenant(tenantId, async (tx) => {
      if ((await this.repository.countLocked(tx, tenantId)) >= maxClients) throw oauthErrors.tooManyClients(maxClients);
      record(tx, caller, 'oauth_client.create', id, { scopes });
      return this.repository.insert(tx, tenantId, {
        id,
        name: body.name,
        secretHash: secret === null ? null : secretHashOf(this.hash, tenantId, id, secret),
        secretHint: secret === null ? null : secretHint(secret),
        grantTypes: body.grant_types,
        redirectUris: body.redirect_uris,
        scopes,
      });
    });
    return { ...toOAuthClientResponse(stored), client_secret: secret };
  }

  /** One page of the tenant's clients, newest first. */
  async list({ tenantId }: Principal, query: PageQuery) {
    const after = query.after === undefined ? undefined : uuidOf('oauthClient', query.after);
    if (query.after !== undefined && after === undefined) throw oauthErrors.unknownClientCursor();
    const found = await this.database.forTenant(tenantId, (tx) => this.repository.page(tx, tenantId, query.limit + 1, after));
    return toPage(found, query.limit, toOAuthClientResponse);
  }

  /** One client. Throws 404. */
  async get({ tenantId }: Principal, id: string) {
    const found = await this.database.forTenant(tenantId, (tx) => this.repository.find(tx, tenantId, clientUuid(id)));
    if (found === undefined) throw oauthErrors.clientNotFound();
    return toOAuthClientResponse(found);
  }

  /** Deletes a client; its tokens, the sockets on them and those of visitors for whom it vouched end on all replicas within seconds. Throws 404. */
  async delete(caller: Principal, id: string): Promise<void> {
    const { tenantId } = caller;
    const uuid = clientUuid(id);
    await this.database.forTenant(tenantId, async (tx) => {
      if (!(await this.repository.delete(tx, tenantId, uuid))) throw oauthErrors.clientNotFound();
      record(tx, caller, 'oauth_client.delete', uuid);
    });
    this.changes.announce(tenantId);
  }
}

/** How a client's secret is stored: bound to the client, so that a hash moved to another row opens nothing. */
export function secretHashOf(hash: KeyedHash, tenantId: string, clientId: string, secret: string): Buffer {
  return hash.of('oauth-client-secret', tenantId, clientId, secret);
}

function record(tx: Transaction, caller: Principal, action: AuditAction, id: string, detail: AuditDetail = {}): void {
  auditTrail.record(tx, caller.tenantId, { actor: actorOf(caller), action, object: { kind: 'oauth_client', id }, detail });
}

function clientUuid(id: string): string {
  const uuid = uuidOf('oauthClient', id);
  if (uuid === undefined) throw oauthErrors.clientNotFound();
  return uuid;
}
