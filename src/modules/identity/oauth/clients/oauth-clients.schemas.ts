import { z } from 'zod';
import { publicId } from '../../../../kernel/ids.ts';
import { permissions } from '../../../../kernel/permissions.ts';
import { pageOf } from '../../../../platform/http/index.ts';
import { Name } from '../../name.schemas.ts';
import type { OAuthClientRow } from './oauth-clients.repository.ts';

/** Body of POST /v1/oauth-clients. Unknown fields are refused: a mistyped `scopes` must not make a mightier client. */
export const CreateOAuthClient = z
  .strictObject({
    name: Name,
    scopes: z.array(z.enum(permissions)).min(1).max(permissions.length),
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
  scopes: z.array(z.string()),
  created_at: z.iso.datetime(),
};

/** An OAuth client as it is shown; never its secret. */
export const OAuthClientResponse = z.object(fields).meta({ id: 'OAuthClient' });

/** An OAuth client as it is shown once: with its secret. */
export const NewOAuthClientResponse = z.object({ ...fields, client_secret: z.string() }).meta({ id: 'NewOAuthClient' });

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
    scopes: stored.scopes,
    created_at: stored.createdAt.toISOString(),
  };
}
