import { Injectable } from '@nestjs/common';
import { newUuid, publicId, uuidOf } from '../../../../kernel/ids.ts';
import type { Permission } from '../../../../kernel/permissions.ts';
import type { Principal, UserPrincipal } from '../../../../kernel/principal.ts';
import { actorOf, auditTrail } from '../../../../platform/audit/index.ts';
import { KeyedHash } from '../../../../platform/crypto/index.ts';
import { TenantDatabase, type Transaction } from '../../../../platform/database/index.ts';
import { type PageQuery, toPage } from '../../../../platform/http/index.ts';
import { CredentialChanges } from '../../access/credential-changes.ts';
import { type OAuthClientRow, OAuthClientsRepository } from '../clients/oauth-clients.repository.ts';
import { redirectTo } from '../clients/redirect-uri.ts';
import { codeHashOf, codeSeconds, newCode } from '../grants/authorization-code.ts';
import { OAuthGrantsRepository } from '../grants/oauth-grants.repository.ts';
import { oauthErrors } from '../oauth.errors.ts';
import { OAuthAccessTokens } from '../tokens/oauth-access-tokens.ts';
import { askedScopes } from '../tokens/scope-parameter.ts';
import { type ConsentQuery, type CreateAuthorization, toAuthorizationResponse } from './authorizations.schemas.ts';

/** Members let apps in: the half of the authorization endpoint (RFC 6749 section 3.1) that stands behind the page on which they agree. */
@Injectable()
export class Authorizations {
  constructor(
    private readonly database: TenantDatabase,
    private readonly clients: OAuthClientsRepository,
    private readonly grants: OAuthGrantsRepository,
    private readonly hash: KeyedHash,
    private readonly tokens: OAuthAccessTokens,
    private readonly changes: CredentialChanges,
  ) {}

  /** What a member would agree to. Throws as `authorize` does. */
  async consent(caller: Principal, query: ConsentQuery) {
    const member = memberOnly(caller);
    const { client, scopes } = await this.database.forTenant(member.tenantId, (tx) => this.asked(tx, member, query));
    return {
      object: 'oauth_consent' as const,
      client: { id: publicId('oauthClient', client.id), name: client.name },
      redirect_uri: query.redirect_uri,
      scopes,
    };
  }

  /**
   * Lets an app in; gives the code for it. Throws 403 for who is no member or does not hold a scope, 404 for a client that is not the tenant's, 400 for
   * an address that is not one of the client's to the letter, and never sends anybody there.
   */
  async authorize(caller: Principal, body: CreateAuthorization) {
    const member = memberOnly(caller);
    const { tenantId, userId } = member;
    const [id, code] = [newUuid(), newCode()];
    const scopes = await this.database.forTenant(tenantId, async (tx) => {
      const asked = await this.asked(tx, member, body);
      const codeHash = codeHashOf(this.hash, tenantId, code);
      const draft = { id, clientId: asked.client.id, userId, scopes: asked.scopes, seconds: codeSeconds, codeHash };
      await this.grants.insertOfMember(tx, tenantId, {
        ...draft,
        codeChallenge: body.code_challenge,
        redirectUri: body.redirect_uri,
        strong: member.assurance?.strong === true,
      });
      const detail = { client: publicId('oauthClient', asked.client.id), scopes: asked.scopes };
      const object = { kind: 'oauth_grant', id } as const;
      auditTrail.record(tx, tenantId, { actor: actorOf(member), action: 'oauth_grant.authorize', object, detail });
      return asked.scopes;
    });
    const { state } = body;
    return {
      object: 'oauth_authorization' as const,
      id: publicId('oauthGrant', id),
      code,
      expires_in: codeSeconds,
      redirect_to: redirectTo(body.redirect_uri, { code, ...(state === undefined ? {} : { state }), iss: this.tokens.resource }),
      scopes,
    };
  }

  /** One page of the apps that the member has let in, newest first. */
  async list(caller: Principal, query: PageQuery) {
    const { tenantId, userId } = memberOnly(caller);
    const after = query.after === undefined ? undefined : uuidOf('oauthGrant', query.after);
    if (query.after !== undefined && after === undefined) throw oauthErrors.unknownGrantCursor();
    const found = await this.database.forTenant(tenantId, (tx) => this.grants.pageOfMember(tx, tenantId, userId, query.limit + 1, after));
    return toPage(found, query.limit, toAuthorizationResponse);
  }

  /** Lets an app in no more: its tokens and sockets end on all replicas within seconds. Throws 404. */
  async withdraw(caller: Principal, id: string): Promise<void> {
    const member = memberOnly(caller);
    const { tenantId, userId } = member;
    const grantId = uuidOf('oauthGrant', id);
    if (grantId === undefined) throw oauthErrors.grantNotFound();
    await this.database.forTenant(tenantId, async (tx) => {
      if (!(await this.grants.revokeOfMember(tx, tenantId, userId, grantId))) throw oauthErrors.grantNotFound();
      const object = { kind: 'oauth_grant', id: grantId } as const;
      auditTrail.record(tx, tenantId, { actor: actorOf(member), action: 'oauth_grant.revoke', object });
    });
    this.changes.announce(tenantId);
  }

  private async asked(
    tx: Transaction,
    { tenantId, permissions }: UserPrincipal,
    query: ConsentQuery,
  ): Promise<{ client: OAuthClientRow; scopes: Permission[] }> {
    const clientId = uuidOf('oauthClient', query.client_id);
    const client = clientId === undefined ? undefined : await this.clients.find(tx, tenantId, clientId);
    if (client === undefined) throw oauthErrors.clientNotFound();
    if (!client.grantTypes.includes('authorization_code')) throw oauthErrors.noCodesForClient();
    if (!client.redirectUris.includes(query.redirect_uri)) throw oauthErrors.redirectNotRegistered();
    const asked = askedScopes(query.scope, client.scopes);
    const held = asked.filter((scope) => permissions.has(scope));
    // What is asked for by name is all or nothing; "whatever it may" is cut down to what the member may.
    if (held.length === 0 || (query.scope !== undefined && held.length < asked.length)) throw oauthErrors.scopeNotHeld();
    return { client, scopes: held };
  }
}

function memberOnly(caller: Principal): UserPrincipal {
  if (caller.kind !== 'user') throw oauthErrors.membersOnly();
  return caller;
}
