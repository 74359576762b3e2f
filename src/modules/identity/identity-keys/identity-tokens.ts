import { Injectable } from '@nestjs/common';
import { errors, importJWK, type JWK, jwtVerify } from 'jose';
import { z } from 'zod';
import { clock, currentDate } from '../../../kernel/clock.ts';
import { uuidOf } from '../../../kernel/ids.ts';
import { KeyRing } from '../../../platform/crypto/index.ts';
import { TenantDatabase } from '../../../platform/database/index.ts';
import { identityErrors } from '../identity.errors.ts';
import { clockToleranceSeconds } from '../signing/access-tokens.ts';
import { type IdentityAlgorithm, IdentityKeysRepository } from './identity-keys.repository.ts';
import { materialPlace } from './identity-keys.service.ts';
import { repeatsMember } from './json-members.ts';

/** Longest token, in characters. */
export const maxIdentityTokenLength = 4_096;
/** How far ahead a token may expire, in seconds. */
const maxLifeSeconds = 86_400;
const compact = /^([\w-]+)\.([\w-]+)\.[\w-]+$/;

/**
 * Nothing but this: a key comes from our own table by its id, never out of the token (`jwk`, `jku`, `x5c`, `x5u`), and there are no extensions
 * (`crit`, `b64`). Tokens of another type, ours among them, name it in `typ` (RFC 8725, sections 3.1, 3.5, 3.11).
 */
const Header = z.strictObject({
  alg: z.enum(['HS256', 'ES256']),
  kid: z.string().max(64),
  typ: z.string().regex(/^jwt$/i).optional(),
});

/** What a tenant says about a visitor: flat, at most 20 names. */
const Traits = z
  .record(z.string().regex(/^[A-Za-z][\w.-]{0,39}$/), z.union([z.string().max(500), z.number(), z.boolean(), z.null()]))
  .refine((traits) => Object.keys(traits).length <= 20);

const Claims = z.object({
  sub: z
    .string()
    .min(1)
    .max(200)
    .refine((sub) => !isOurs(sub)),
  exp: z.number(),
  iat: z.number().optional(),
  traits: Traits.optional(),
});

/** A visitor for whom the tenant has signed. */
export interface IdentifiedVisitor {
  /** The tenant's own id of the visitor. */
  externalId: string;
  /** UUID of the key. */
  identityKeyId: string;
  /** Personal; undefined when the token says nothing of them. */
  traits: z.output<typeof Traits> | undefined;
}

/** Verifies what a tenant's server has signed about a visitor. */
@Injectable()
export class IdentityTokens {
  constructor(
    private readonly database: TenantDatabase,
    private readonly keys: IdentityKeysRepository,
    private readonly keyRing: KeyRing,
  ) {}

  /**
   * Whom a token stands for. `audience` lists what `aud` may name. Throws 401 `identity_token_invalid`, and `identity_token_expired` for one that was
   * good before.
   */
  async verify(tenantId: string, token: string, audience: string[]): Promise<IdentifiedVisitor> {
    const { alg, kid } = headerOf(token);
    const identityKeyId = uuidOf('identityKey', kid);
    const key = identityKeyId === undefined ? undefined : await this.key(tenantId, identityKeyId, alg);
    if (identityKeyId === undefined || key === undefined) throw identityErrors.identityTokenInvalid();
    const payload = await verified(token, key, alg, audience);
    const claims = Claims.safeParse(payload);
    const now = clock.now() / 1_000;
    if (!claims.success || claims.data.exp > now + maxLifeSeconds + clockToleranceSeconds) throw identityErrors.identityTokenInvalid();
    const { sub, iat, traits } = claims.data;
    if (iat !== undefined && iat > now + clockToleranceSeconds) throw identityErrors.identityTokenInvalid();
    return { externalId: sub, identityKeyId, traits };
  }

  /** The tenant's key of that id, if it is one for `algorithm`: a public key is never taken for a secret. */
  private async key(tenantId: string, id: string, algorithm: IdentityAlgorithm): Promise<VerifyingKey | undefined> {
    const found = await this.database.forTenant(tenantId, (tx) => this.keys.material(tx, tenantId, id));
    if (found === undefined || found.algorithm !== algorithm) return undefined;
    const material = await this.keyRing.open(materialPlace(tenantId, id), found.material);
    return algorithm === 'HS256' ? material : importJWK(JSON.parse(material.toString()) as JWK, algorithm);
  }
}

type VerifyingKey = Awaited<ReturnType<typeof importJWK>>;

async function verified(token: string, key: VerifyingKey, algorithm: IdentityAlgorithm, audience: string[]): Promise<unknown> {
  try {
    const { payload } = await jwtVerify(token, key, {
      algorithms: [algorithm],
      audience,
      requiredClaims: ['sub', 'exp', 'aud'],
      currentDate: currentDate(),
      clockTolerance: clockToleranceSeconds,
    });
    return payload;
  } catch (error) {
    // Said only once the signature is right, so that nobody learns it who does not know it anyhow.
    throw error instanceof errors.JWTExpired ? identityErrors.identityTokenExpired() : identityErrors.identityTokenInvalid();
  }
}

/** The header, of a token in which nothing is said twice. */
function headerOf(token: string): z.output<typeof Header> {
  const parts = token.length <= maxIdentityTokenLength ? compact.exec(token) : null;
  const [header, payload] = [jsonOf(parts?.[1]), jsonOf(parts?.[2])];
  const checked = Header.safeParse(header);
  if (payload === undefined || !checked.success) throw identityErrors.identityTokenInvalid();
  return checked.data;
}

function jsonOf(part: string | undefined): unknown {
  try {
    const text = Buffer.from(part ?? '', 'base64url').toString();
    const value = JSON.parse(text) as unknown;
    return repeatsMember(text) ? undefined : value;
  } catch {
    return undefined;
  }
}

/** Ids of ours name visitors whom we have made up: anonymous ones, members and keys that try a bot. A tenant's users do not become them. */
function isOurs(externalId: string): boolean {
  return (['visitor', 'user', 'apiKey', 'oauthClient'] as const).some((kind) => uuidOf(kind, externalId) !== undefined);
}
