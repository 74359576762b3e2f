import { z } from 'zod';
import { publicId } from '../../../../kernel/ids.ts';
import { permissions } from '../../../../kernel/permissions.ts';
import { pageOf } from '../../../../platform/http/index.ts';
import { Name } from '../../name.schemas.ts';
import { grantTypes, type OAuthClientRow } from './oauth-clients.repository.ts';
import { isRedirectUri } from './redirect-uri.ts';

/** Body of POST /v1/oauth-clients. Unknown fields are refused: a mistyped `scopes` must not make a mightier client. */
export const CreateOAuthClient = z
  .strictObject({
    name: Name,
    scopes: z.array(z.enum(permissions)).min(1).max(permissions.length),
    grant_types: z.array(z.enum(grantTypes)).min(1).max(grantTypes.length).default(['client_credentials']),
    redirect_uris: z
      .array(z.string().refine(isRedirectUri, 'must be https, http on the own machine, or a scheme with a dot; no fragment, no wildcard'))
      .max(10)
      .default([])
      .meta({ description: 'Where codes may be sent to. Compared as a whole.' }),
    confidential: z.boolean().default(true).meta({ description: 'False for an app that cannot keep a secret: a browser, a phone.' }),
  })
  .refine((body) => body.grant_types.includes('authorization_code') === body.redirect_uris.length > 0, {
    path: ['redirect_uris'],
    message: 'go with authorization_code, and only with it',
  })
  .refine((body) => body.confidential || !body.grant_types.includes('client_credentials'), {
    path: ['confidential'],
    message: 'a client without a secret cannot act for itself',
  })
  .meta({ id: 'CreateOAuthClient' });
/** A validated body of POST /v1/oauth-clients. */
export type CreateOAuthClient = z.output<typeof CreateOAuthClient>;

const fields = {
  object: z.literal('oauth_client'),
  id: z.string().meta({ description: 'The `client_id`.' }),
  name: z.string(),
  secret_hint: z.string().nullable(),
  grant_types: z.array(z.string()),
  redirect_uris: z.array(z.string()),
  confidential: z.boolean(),
  scopes: z.array(z.string()),
  created_at: z.iso.datetime(),
};

/** An OAuth client as it is shown; never its secret. */
export const OAuthClientResponse = z.object(fields).meta({ id: 'OAuthClient' });

/** An OAuth client as it is shown once: with its secret, null for one that is not confidential. */
export const NewOAuthClientResponse = z.object({ ...fields, client_secret: z.string().nullable() }).meta({ id: 'NewOAuthClient' });

/** One page of OAuth clients. */
export const OAuthClientPage = pageOf('OAuthClientPage', OAuthClientResponse);

/** A stored client in its public shape. */
export function toOAuthClientResponse(stored: OAuthClientRow): z.input<typeof OAuthClientResponse> {
  return {
    object: 'oauth_client',
    id: publicId('oauthClient', stored.id),
    name: stored.name,
    secret_hint: stored.secretHint,
    grant_types: stored.grantTypes,
    redirect_uris: stored.redirectUris,
    confidential: stored.secretHint !== null,
    scopes: stored.scopes,
    created_at: stored.createdAt.toISOString(),
  };
}
