import { z } from 'zod';
import { oauthErrorCodes } from './oauth.errors.ts';

// Unknown parameters are ignored, as RFC 6749 section 3.2 wants; one that comes twice is a list, and refused.
const Text = z.string().max(4_096);
const client = { client_id: Text.optional(), client_secret: Text.optional() };

/** Form of POST /oauth/token. */
export const TokenForm = z
  .object({
    ...client,
    grant_type: Text.meta({ description: '`client_credentials`, `authorization_code` or `refresh_token`.' }),
    scope: Text.optional(),
    resource: Text.optional(),
    code: Text.optional(),
    redirect_uri: Text.optional(),
    code_verifier: Text.optional(),
    refresh_token: Text.optional(),
  })
  .meta({ id: 'OAuthTokenRequest' });
/** A validated form of POST /oauth/token. */
export type TokenForm = z.output<typeof TokenForm>;

/** Form of POST /oauth/revoke and POST /oauth/introspect. */
export const OneTokenForm = z.object({ ...client, token: Text, token_type_hint: Text.optional() }).meta({ id: 'OAuthOneTokenRequest' });
/** A validated form that names one token. */
export type OneTokenForm = z.output<typeof OneTokenForm>;

/** Tokens, as RFC 6749 section 5.1 has them. */
export const OAuthTokenResponse = z
  .object({
    access_token: z.string(),
    token_type: z.literal('Bearer'),
    expires_in: z.int().meta({ description: 'Seconds.' }),
    scope: z.string(),
    refresh_token: z.string().optional(),
  })
  .meta({ id: 'OAuthTokens' });

/** What is said about a token, as RFC 7662 section 2.2 has it. */
export const IntrospectionResponse = z
  .object({
    active: z.boolean(),
    scope: z.string().optional(),
    client_id: z.string().optional(),
    token_type: z.string().optional(),
    sub: z.string().optional(),
    aud: z.string().optional(),
    iss: z.string().optional(),
    iat: z.int().optional(),
    exp: z.int().optional(),
    jti: z.string().optional(),
  })
  .meta({ id: 'OAuthIntrospection' });

/** The error body of the OAuth endpoints. */
export const OAuthErrorResponse = z.object({ error: z.enum(oauthErrorCodes), error_description: z.string() }).meta({ id: 'OAuthError' });
