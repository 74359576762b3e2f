import { z } from 'zod';
import { publicId } from '../../../kernel/ids.ts';
import { pageOf } from '../../../platform/http/index.ts';
import { Name } from '../name.schemas.ts';
import { identityAlgorithms, type IdentityKeyRow } from './identity-keys.repository.ts';

/** 32 bytes in base64url, a coordinate of a point on P-256. */
const Coordinate = z.string().regex(/^[\w-]{43}$/, 'must be 32 bytes in base64url');

/** The public half of an ES256 key as a JSON Web Key (RFC 7517). Strict: a private key (`d`) is refused. */
export const PublicJwk = z
  .strictObject({
    kty: z.literal('EC'),
    crv: z.literal('P-256'),
    x: Coordinate,
    y: Coordinate,
    alg: z.literal('ES256').optional(),
    use: z.literal('sig').optional(),
    kid: z.string().max(200).optional(),
  })
  .meta({ id: 'IdentityPublicJwk' });

/** Body of "make an identity key". */
export const CreateIdentityKey = z
  .strictObject({
    name: Name,
    algorithm: z.enum(identityAlgorithms),
    public_key: PublicJwk.optional().meta({ description: 'For ES256: your public key. For HS256 we make the secret.' }),
  })
  .refine(({ algorithm, public_key }) => (algorithm === 'ES256') === (public_key !== undefined), {
    path: ['public_key'],
    message: 'goes with ES256, and only with it',
  })
  .meta({ id: 'CreateIdentityKey' });
/** A key to be made, validated. */
export type CreateIdentityKey = z.output<typeof CreateIdentityKey>;

const fields = {
  object: z.literal('identity_key'),
  id: z.string().meta({ description: 'The `kid` of tokens that are signed with it.' }),
  name: z.string(),
  algorithm: z.enum(identityAlgorithms),
  created_at: z.iso.datetime(),
};

/** An identity key as it is shown; never its secret. */
export const IdentityKeyResponse = z.object(fields).meta({ id: 'IdentityKey' });

/** An identity key as it is shown once: with its secret, of which the UTF-8 bytes sign; null for ES256. */
export const NewIdentityKeyResponse = z.object({ ...fields, secret: z.string().nullable() }).meta({ id: 'NewIdentityKey' });

/** One page of identity keys. */
export const IdentityKeyPage = pageOf('IdentityKeyPage', IdentityKeyResponse);

/** A stored key in its public shape. */
export function toIdentityKeyResponse(stored: IdentityKeyRow): z.input<typeof IdentityKeyResponse> {
  return {
    object: 'identity_key',
    id: publicId('identityKey', stored.id),
    name: stored.name,
    algorithm: stored.algorithm,
    created_at: stored.createdAt.toISOString(),
  };
}
