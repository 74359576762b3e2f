import { Inject, Injectable } from '@nestjs/common';
import { newUuid, publicId, uuidOf } from '../../../../kernel/ids.ts';
import type { Principal } from '../../../../kernel/principal.ts';
import { actorOf, type AuditAction, type AuditDetail, auditTrail } from '../../../../platform/audit/index.ts';
import { TenantDatabase, type Transaction } from '../../../../platform/database/index.ts';
import { type HttpConfig, httpConfig, type PageQuery, publicUrlOf, toPage } from '../../../../platform/http/index.ts';
import { CredentialChanges } from '../../access/credential-changes.ts';
import { requireRank } from '../../members/members.service.ts';
import { SessionsRepository } from '../../sessions/sessions.repository.ts';
import { SamlRepository } from '../saml/saml.repository.ts';
import { samlUrls } from '../saml/saml-urls.ts';
import { ssoErrors } from '../sso.errors.ts';
import { type ProviderDraft, type ProviderRow, IdentityProvidersRepository } from './identity-providers.repository.ts';
import { type CreateIdentityProvider, toProviderResponse, type UpdateIdentityProvider } from './identity-providers.schemas.ts';
import { defaultScopes, githubUrl, googleIssuer, microsoftIssuer } from './provider-kinds.ts';
import { ProviderConnections } from './provider-connections.ts';

/** Providers of one tenant at most. */
export const maxProviders = 20;

/** A tenant's identity providers. Their secrets go in, and never come out. */
@Injectable()
export class IdentityProviders {
  constructor(
    private readonly database: TenantDatabase,
    private readonly repository: IdentityProvidersRepository,
    private readonly sessions: SessionsRepository,
    private readonly connections: ProviderConnections,
    private readonly changes: CredentialChanges,
    private readonly saml: SamlRepository,
    @Inject(httpConfig.token) private readonly http: HttpConfig,
  ) {}

  /**
   * Asks a provider for what it says of itself, and connects it. Throws 403 for a role above the caller's own, 409 when there are twenty, 422 for
   * one that cannot be reached, that is where it must not be, or that is not who it should be.
   */
  async create(caller: Principal, body: CreateIdentityProvider) {
    const { tenantId } = caller;
    if (body.join_role !== null) requireRank(caller, body.join_role);
    requireOwnDirectory(body.authoritative, body.kind);
    const { name, kind, client_id: clientId, join_role: joinRole, join_domains: joinDomains, authoritative, enabled } = body;
    const [id, scopes] = [newUuid(), body.scopes ?? defaultScopes(kind)];
    const clientSecret = await this.connections.sealSecret(tenantId, id, body.client_secret);
    const where = { id, name, kind, issuer: issuerOf(body), clientId, clientSecret, scopes };
    const draft: ProviderDraft = { ...where, joinRole, joinDomains, authoritative, enabled };
    await this.connections.check(draft);
    const stored = await this.database.forTenant(tenantId, async (tx) => {
      if (!(await this.repository.insert(tx, tenantId, draft, maxProviders))) throw ssoErrors.tooManyProviders(maxProviders);
      record(tx, caller, 'identity_provider.create', id, { kind, enabled });
      return this.repository.byId(tx, tenantId, id);
    });
    return this.present(found(stored));
  }

  /** One provider. Throws 404. */
  async get({ tenantId }: Principal, id: string) {
    const uuid = providerUuid(id);
    return this.present(found(await this.database.forTenant(tenantId, (tx) => this.repository.byId(tx, tenantId, uuid))));
  }

  /** A page of providers, newest first. */
  async list({ tenantId }: Principal, query: PageQuery) {
    const after = query.after === undefined ? undefined : providerUuid(query.after);
    const stored = await this.database.forTenant(tenantId, (tx) => this.repository.page(tx, tenantId, query.limit + 1, after));
    return toPage(stored, query.limit, (each) => this.present(each));
  }

  /** Changes a provider; one that is switched off has its sessions ended within five seconds. Throws 404, 403 as `create` does. */
  async update(caller: Principal, id: string, body: UpdateIdentityProvider) {
    const { tenantId } = caller;
    const uuid = providerUuid(id);
    if (body.join_role !== undefined && body.join_role !== null) requireRank(caller, body.join_role);
    const secret = await this.connections.sealSecret(tenantId, uuid, body.client_secret);
    const stored = await this.database.forTenant(tenantId, async (tx) => {
      const old = found(await this.repository.byId(tx, tenantId, uuid, 'locked'));
      requireOwnDirectory(body.authoritative, old.kind);
      if (old.kind === 'saml' && oauthFields.some((name) => body[name] !== undefined)) throw ssoErrors.notOAuth();
      await this.repository.update(tx, tenantId, {
        ...old,
        name: body.name ?? old.name,
        clientId: body.client_id ?? old.clientId,
        clientSecret: secret ?? old.clientSecret,
        scopes: body.scopes ?? old.scopes,
        joinRole: body.join_role === undefined ? old.joinRole : body.join_role,
        joinDomains: body.join_domains ?? old.joinDomains,
        authoritative: body.authoritative ?? old.authoritative,
        enabled: body.enabled ?? old.enabled,
      });
      await this.updateSaml(tx, tenantId, uuid, body);
      if (body.enabled === false) await this.sessions.revokeOfProvider(tx, tenantId, uuid);
      record(tx, caller, 'identity_provider.update', uuid, { fields: Object.keys(body), enabled: body.enabled ?? old.enabled });
      return this.repository.byId(tx, tenantId, uuid);
    });
    if (body.enabled === false) this.changes.announce(tenantId);
    return this.present(found(stored));
  }

  /** Deletes a provider with its links; the sessions that it has opened end within five seconds. Throws 404. */
  async delete(caller: Principal, id: string): Promise<void> {
    const { tenantId } = caller;
    const uuid = providerUuid(id);
    await this.database.forTenant(tenantId, async (tx) => {
      if (!(await this.repository.delete(tx, tenantId, uuid))) throw ssoErrors.providerNotFound();
      await this.sessions.revokeOfProvider(tx, tenantId, uuid);
      record(tx, caller, 'identity_provider.delete', uuid);
    });
    this.changes.announce(tenantId);
  }

  private async updateSaml(tx: Transaction, tenantId: string, id: string, body: UpdateIdentityProvider): Promise<void> {
    const { entry_point: entryPoint, certificates, idp_initiated: idpInitiated } = body;
    if (entryPoint === undefined && certificates === undefined && idpInitiated === undefined) return;
    const change = {
      ...(entryPoint === undefined ? {} : { entryPoint }),
      ...(certificates === undefined ? {} : { certificates }),
      ...(idpInitiated === undefined ? {} : { idpInitiated }),
    };
    if (!(await this.saml.update(tx, tenantId, id, change))) throw ssoErrors.notSaml();
  }

  private present(stored: ProviderRow) {
    const base = publicUrlOf(this.http);
    return toProviderResponse(stored, stored.kind === 'saml' ? samlUrls(base, stored.id).acsUrl : redirectUriOf(base, stored.id));
  }
}

/** What a SAML provider does not have; it speaks of proven domains alone. */
const oauthFields = ['client_id', 'client_secret', 'scopes', 'join_domains', 'authoritative'] as const;

/** Where a provider sends browsers back to: one address each, so that no answer of one passes for another's (RFC 9700, section 4.4.2). */
export function redirectUriOf(publicUrl: string, providerId: string): string {
  return `${publicUrl}/v1/auth/sso/callback/${publicId('identityProvider', providerId)}`;
}

/** At Google and GitHub anybody may have an account, under an e-mail that was theirs once. */
function requireOwnDirectory(authoritative: boolean | undefined, kind: ProviderRow['kind']): void {
  if (authoritative === true && (kind === 'google' || kind === 'github')) throw ssoErrors.authoritativeKind();
}

function issuerOf({ kind, issuer, directory }: CreateIdentityProvider): string {
  if (kind === 'google') return googleIssuer;
  if (kind === 'microsoft') return microsoftIssuer(directory ?? '');
  return issuer ?? githubUrl;
}

function found(stored: ProviderRow | undefined): ProviderRow {
  if (stored === undefined) throw ssoErrors.providerNotFound();
  return stored;
}

function providerUuid(id: string): string {
  const uuid = uuidOf('identityProvider', id);
  if (uuid === undefined) throw ssoErrors.providerNotFound();
  return uuid;
}

function record(tx: Transaction, caller: Principal, action: AuditAction, id: string, detail: AuditDetail = {}): void {
  auditTrail.record(tx, caller.tenantId, { actor: actorOf(caller), action, object: { kind: 'identity_provider', id }, detail });
}
