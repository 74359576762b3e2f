import { z } from 'zod';
import { publicId } from '../../../../kernel/ids.ts';
import { pageOf } from '../../../../platform/http/index.ts';
import { Name } from '../../name.schemas.ts';
import { Domain } from '../domain.schemas.ts';
import { samlFields } from '../saml/saml.schemas.ts';
import type { ProviderRow } from './identity-providers.repository.ts';
import { isIssuer, oauthKinds, providerKinds } from './provider-kinds.ts';

const Issuer = z.string().max(500).refine(isIssuer, 'must be the URL of an issuer, of Microsoft with the id of one directory');
const Scope = z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,200}$/, 'must be a scope (RFC 6749, section 3.3)');
const ClientId = z.string().regex(/^[\x20-\x7e]{1,500}$/, 'must be printable ASCII');
const ClientSecret = z.string().regex(/^[\x20-\x7e]{1,2000}$/, 'must be printable ASCII');
/** Nobody becomes an owner by signing in. */
const JoinRole = z.enum(['admin', 'developer', 'viewer']).nullable();

const changeable = {
  name: Name,
  client_id: ClientId,
  client_secret: ClientSecret.meta({ description: 'Absent for a public client, which has PKCE alone.' }),
  scopes: z.array(Scope).min(1).max(20),
  join_role: JoinRole.meta({ description: 'Role of who comes for the first time and is no member; null = nobody joins by signing in.' }),
  join_domains: z
    .array(Domain)
    .max(50)
    .meta({ description: 'Domains of verified e-mails with which somebody may join, besides the domains that you have proven.' }),
  authoritative: z.boolean().meta({
    description:
      'Whether this is your own directory: what it says of e-mails of your proven domains then counts as verified, and members with one are linked without their password.',
  }),
  enabled: z.boolean(),
};

/** Body of "connect an identity provider". */
export const CreateIdentityProvider = z
  .strictObject({
    ...changeable,
    kind: z.enum(oauthKinds),
    issuer: Issuer.optional().meta({ description: 'For `oidc`; for `github` the URL of your own server, if it is one.' }),
    directory: z.uuid().optional().meta({ description: 'For `microsoft`: id of your Entra directory.' }),
    client_secret: changeable.client_secret.optional(),
    scopes: changeable.scopes.optional(),
    join_role: changeable.join_role.default(null),
    join_domains: changeable.join_domains.default([]),
    authoritative: z.boolean().default(false),
    enabled: z.boolean().default(true),
  })
  .refine(({ kind, issuer }) => kind === 'github' || (kind === 'oidc') === (issuer !== undefined), {
    path: ['issuer'],
    message: 'goes with oidc, and with github for a server of your own',
  })
  .refine(({ kind, directory }) => (kind === 'microsoft') === (directory !== undefined), {
    path: ['directory'],
    message: 'goes with microsoft, and only with it',
  })
  .meta({ id: 'CreateIdentityProvider' });
/** A provider to be connected, validated. */
export type CreateIdentityProvider = z.output<typeof CreateIdentityProvider>;

/** Body of "change an identity provider". Where it is stays: another issuer's accounts are other people. */
export const UpdateIdentityProvider = z
  .strictObject({ ...changeable, ...samlFields })
  .partial()
  .meta({ id: 'UpdateIdentityProvider' });
/** A change, validated. */
export type UpdateIdentityProvider = z.output<typeof UpdateIdentityProvider>;

/** An identity provider as it is shown; never its secret. */
export const IdentityProviderResponse = z
  .object({
    object: z.literal('identity_provider'),
    id: z.string(),
    name: z.string(),
    kind: z.enum(providerKinds),
    issuer: z.string(),
    client_id: z.string(),
    has_client_secret: z.boolean(),
    scopes: z.array(z.string()),
    join_role: JoinRole,
    join_domains: z.array(z.string()),
    authoritative: z.boolean(),
    enabled: z.boolean(),
    saml: z
      .object({ entry_point: z.string(), certificates: z.array(z.string()), idp_initiated: z.boolean() })
      .nullable()
      .meta({
        description: 'Null for a provider of another kind. `issuer` is its entity id then, `client_id` ours, where our metadata are.',
      }),
    redirect_uri: z.string().meta({ description: 'To be registered at the provider.' }),
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
  })
  .meta({ id: 'IdentityProvider' });

/** One page of identity providers. */
export const IdentityProviderPage = pageOf('IdentityProviderPage', IdentityProviderResponse);

/** A stored provider in its public shape. */
export function toProviderResponse(stored: ProviderRow, redirectUri: string): z.input<typeof IdentityProviderResponse> {
  return {
    object: 'identity_provider',
    id: publicId('identityProvider', stored.id),
    name: stored.name,
    kind: stored.kind,
    issuer: stored.issuer,
    client_id: stored.clientId,
    has_client_secret: stored.kind !== 'saml' && stored.clientSecret !== null,
    scopes: stored.scopes,
    join_role: stored.joinRole,
    join_domains: stored.joinDomains,
    authoritative: stored.authoritative,
    enabled: stored.enabled,
    saml:
      stored.saml === null
        ? null
        : {
            entry_point: stored.saml.entryPoint,
            certificates: stored.saml.certificates,
            idp_initiated: stored.saml.idpInitiated,
          },
    redirect_uri: redirectUri,
    created_at: stored.createdAt.toISOString(),
    updated_at: stored.updatedAt.toISOString(),
  };
}
