import { Inject, Injectable } from '@nestjs/common';
import { SignJWT } from 'jose';
import { z } from 'zod';
import { clock } from '../../../kernel/clock.ts';
import { newUuid, publicId, uuidOf } from '../../../kernel/ids.ts';
import { type Role, roles } from '../../../kernel/permissions.ts';
import { type HttpConfig, httpConfig, publicUrlOf } from '../../../platform/http/index.ts';
import { type IdentityConfig, identityConfig } from '../identity.config.ts';
import { signingAlgorithm, SigningKeys } from './signing-keys.ts';

/** Header `typ` of an access token (RFC 9068): no other kind of token of ours passes for one. */
export const accessTokenType = 'at+jwt';
/** Who access tokens are for. */
export const accessTokenAudience = 'parley';
/** How far two machines' clocks may differ, in seconds. */
export const clockToleranceSeconds = 5;

/** Who an access token speaks for. Ids are UUIDs. */
export interface AccessTokenSubject {
  tenantId: string;
  userId: string;
  sessionId: string;
  role: Role;
}

const Claims = z.object({ sub: z.string(), tid: z.string(), sid: z.string(), role: z.enum(roles), exp: z.number(), jti: z.string() });

/** Signs access tokens: ES256 JWTs of a few minutes. */
@Injectable()
export class AccessTokens {
  constructor(
    private readonly keys: SigningKeys,
    @Inject(httpConfig.token) private readonly http: HttpConfig,
    @Inject(identityConfig.token) private readonly config: IdentityConfig,
  ) {}

  /** A signed token and its life in seconds: that of the settings, unless it is to be another. */
  async issue(
    subject: AccessTokenSubject,
    expiresIn: number = this.config.accessTokenSeconds,
  ): Promise<{ token: string; expiresIn: number }> {
    const { kid, privateKey } = await this.keys.current();
    const issuedAt = Math.floor(clock.now() / 1000);
    const token = await new SignJWT({
      tid: publicId('tenant', subject.tenantId),
      sid: publicId('session', subject.sessionId),
      role: subject.role,
    })
      .setProtectedHeader({ alg: signingAlgorithm, kid, typ: accessTokenType })
      .setIssuer(publicUrlOf(this.http))
      .setAudience(accessTokenAudience)
      .setSubject(publicId('user', subject.userId))
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + expiresIn)
      .setJti(newUuid())
      .sign(privateKey);
    return { token, expiresIn };
  }
}

/**
 * The subject in a payload whose signature, issuer, audience and expiry have been verified, with its expiry in milliseconds
 * since the epoch. Undefined when a claim is missing, malformed, or the token is past its time by our own clock.
 */
export function readClaims(payload: unknown): (AccessTokenSubject & { expiresAt: number }) | undefined {
  const claims = Claims.safeParse(payload);
  if (!claims.success) return undefined;
  const { sub, tid, sid, role, exp } = claims.data;
  const [userId, tenantId, sessionId] = [uuidOf('user', sub), uuidOf('tenant', tid), uuidOf('session', sid)];
  if (userId === undefined || tenantId === undefined || sessionId === undefined) return undefined;
  const expiresAt = exp * 1000;
  if (expiresAt + clockToleranceSeconds * 1000 <= clock.now()) return undefined;
  return { userId, tenantId, sessionId, role, expiresAt };
}
