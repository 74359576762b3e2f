import { z } from 'zod';
import { publicId } from '../../../../kernel/ids.ts';
import { pageOf } from '../../../../platform/http/index.ts';
import type { MemberGrantRow } from '../grants/oauth-grants.repository.ts';
import { challengePattern } from '../grants/proof-key.ts';

const asked = {
  client_id: z.string().max(64),
  redirect_uri: z.string().max(500),
  scope: z
    .string()
    .max(4_096)
    .optional()
    .meta({ description: 'Names of permissions with spaces between them; all of the client’s that you hold where absent.' }),
};

/** Query of GET /v1/oauth/consent. */
export const ConsentQuery = z.object(asked);
/** A validated query of GET /v1/oauth/consent. */
export type ConsentQuery = z.output<typeof ConsentQuery>;

/** Body of POST /v1/oauth/authorizations: what the app has put into the address of the consent page (RFC 6749 section 4.1.1, RFC 7636 section 4.3). */
export const CreateAuthorization = z
  .strictObject({
    ...asked,
    response_type: z.literal('code'),
    state: z.string().max(1_000).optional(),
    code_challenge: z.string().regex(challengePattern, 'must be a SHA-256 in base64url'),
    code_challenge_method: z.literal('S256'),
  })
  .meta({ id: 'CreateOAuthAuthorization' });
/** A validated body of POST /v1/oauth/authorizations. */
export type CreateAuthorization = z.output<typeof CreateAuthorization>;

/** What a member is asked to agree to. */
export const ConsentResponse = z
  .object({
    object: z.literal('oauth_consent'),
    client: z.object({ id: z.string(), name: z.string() }),
    redirect_uri: z.string(),
    scopes: z.array(z.string()),
  })
  .meta({ id: 'OAuthConsent' });

/** What a member has agreed to, with the code that the app is to get. */
export const NewAuthorizationResponse = z
  .object({
    object: z.literal('oauth_authorization'),
    id: z.string(),
    code: z.string(),
    expires_in: z.int().meta({ description: 'Seconds until the code counts no more.' }),
    redirect_to: z
      .string()
      .meta({ description: 'Where the browser goes next: the redirect_uri with `code`, `state` and `iss` (RFC 9207).' }),
    scopes: z.array(z.string()),
  })
  .meta({ id: 'NewOAuthAuthorization' });

/** An app that a member has let in. */
export const AuthorizationResponse = z
  .object({
    object: z.literal('oauth_authorization'),
    id: z.string(),
    client: z.object({ id: z.string(), name: z.string() }),
    scopes: z.array(z.string()),
    created_at: z.iso.datetime(),
    expires_at: z.iso.datetime(),
  })
  .meta({ id: 'OAuthAuthorization' });

/** One page of apps that a member has let in. */
export const AuthorizationPage = pageOf('OAuthAuthorizationPage', AuthorizationResponse);

/** A stored grant in its public shape. */
export function toAuthorizationResponse(stored: MemberGrantRow): z.input<typeof AuthorizationResponse> {
  return {
    object: 'oauth_authorization',
    id: publicId('oauthGrant', stored.id),
    client: { id: publicId('oauthClient', stored.clientId), name: stored.clientName },
    scopes: stored.scopes,
    created_at: stored.createdAt.toISOString(),
    expires_at: stored.expiresAt.toISOString(),
  };
}
