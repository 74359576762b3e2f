import { z } from 'zod';
import { publicId } from '../../../kernel/ids.ts';
import { Email } from '../sign-in/auth.schemas.ts';
import type { LinkRow } from './linked-identities.repository.ts';
import { providerKinds } from './providers/provider-kinds.ts';

const PublicId = z.string().max(64);
const ReturnTo = z.string().max(500).meta({ description: 'A path that the operator has listed (AUTH_SSO_RETURN_PATHS).' });

/** Query of "begin a single sign-on". */
export const StartQuery = z.object({ return_to: ReturnTo.optional() });
/** A validated query. */
export type StartQuery = z.output<typeof StartQuery>;

/** Body of "which providers are there". */
export const DiscoverProviders = z.strictObject({ email: Email, tenant_id: PublicId.optional() }).meta({ id: 'DiscoverIdentityProviders' });
/** A validated body. */
export type DiscoverProviders = z.output<typeof DiscoverProviders>;

/** Providers that a page may offer. */
export const OfferedProvidersResponse = z
  .object({
    object: z.literal('list'),
    data: z.array(
      z.object({
        object: z.literal('offered_identity_provider'),
        id: z.string(),
        name: z.string(),
        kind: z.enum(providerKinds),
        start_url: z.string().meta({ description: 'Where the browser goes, as a whole page.' }),
      }),
    ),
  })
  .meta({ id: 'OfferedIdentityProviders' });

/** Body of "exchange a one-time code". */
export const ExchangeCode = z
  .strictObject({
    code: z.string().min(1).max(100),
    password: z.string().min(1).max(200).optional().meta({ description: 'Where the page was given `sso_proof=password`.' }),
  })
  .meta({ id: 'ExchangeSignOnCode' });
/** A validated body. */
export type ExchangeCode = z.output<typeof ExchangeCode>;

/** Body of "link an account of mine". */
export const LinkIdentity = z.strictObject({ provider_id: PublicId, return_to: ReturnTo.optional() }).meta({ id: 'LinkIdentity' });
/** A validated body. */
export type LinkIdentity = z.output<typeof LinkIdentity>;

/** Where the browser goes to link an account. */
export const DepartureResponse = z.object({ object: z.literal('sign_on'), url: z.string() }).meta({ id: 'SignOn' });

/** A link as its owner sees it. */
export const LinkedIdentityResponse = z
  .object({
    object: z.literal('linked_identity'),
    id: z.string(),
    provider_id: z.string(),
    provider_name: z.string(),
    created_at: z.iso.datetime(),
    last_used_at: z.iso.datetime().nullable(),
  })
  .meta({ id: 'LinkedIdentity' });

/** All links of somebody. */
export const LinkedIdentityList = z
  .object({ object: z.literal('list'), data: z.array(LinkedIdentityResponse) })
  .meta({ id: 'LinkedIdentityList' });

/** A stored link in its public shape. */
export function toLinkResponse(link: LinkRow): z.input<typeof LinkedIdentityResponse> {
  return {
    object: 'linked_identity',
    id: publicId('linkedIdentity', link.id),
    provider_id: publicId('identityProvider', link.providerId),
    provider_name: link.providerName,
    created_at: link.createdAt.toISOString(),
    last_used_at: link.lastUsedAt?.toISOString() ?? null,
  };
}
