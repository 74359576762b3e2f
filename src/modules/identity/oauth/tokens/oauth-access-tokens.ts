import { Inject, Injectable } from '@nestjs/common';
import { decodeProtectedHeader, jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import { clock, currentDate } from '../../../../kernel/clock.ts';
import { newUuid, publicId, uuidOf } from '../../../../kernel/ids.ts';
import { type HttpConfig, httpConfig, publicUrlOf } from '../../../../platform/http/index.ts';
import { RecentValues } from '../../access/recent-values.ts';
import { accessTokenType, clockToleranceSeconds } from '../../signing/access-tokens.ts';
import { signingAlgorithm, SigningKeys } from '../../signing/signing-keys.ts';

/** Who an OAuth access token speaks for. Ids are UUIDs. */
export interface OAuthTokenSubject {
  tenantId: string;
  clientId: string;
  grantId: string;
  /** Absent where the client acts for itself. */
  userId?: string;
  scopes: readonly string[];
}

/** A verified token. */
export interface VerifiedOAuthToken extends OAuthTokenSubject {
  /** Seconds since the epoch. */
  issuedAt: number;
  /** Seconds since the epoch. */
  expiresAt: number;
  tokenId: string;
}

const Claims = z.object({
  sub: z.string(),
  client_id: z.string(),
  gid: z.string(),
  tid: z.string(),
  scope: z.string(),
  iat: z.number(),
  exp: z.number(),
  jti: z.string(),
});

/**
 * Access tokens of the OAuth server: ES256 JWTs after RFC 9068. They have the type of members' own tokens, as the RFC wants, but another audience (the URL
 * of the API) and no session: neither passes for the other.
 */
@Injectable()
export class OAuthAccessTokens {
  /** A signature costs more than the rest of a request's checks: it is looked at once a minute, which is also when keys are read again. */
  private readonly verified = new RecentValues<VerifiedOAuthToken>({ maxEntries: 5_000, maxAgeMs: 60_000 });

  constructor(
    private readonly keys: SigningKeys,
    @Inject(httpConfig.token) private readonly http: HttpConfig,
  ) {}

  /** What tokens are for, and by whom they are issued. */
  get resource(): string {
    return publicUrlOf(this.http);
  }

  /** A signed token of `seconds`. */
  async issue(subject: OAuthTokenSubject, seconds: number): Promise<string> {
    const { kid, privateKey } = await this.keys.current();
    const issuedAt = Math.floor(clock.now() / 1000);
    const clientId = publicId('oauthClient', subject.clientId);
    return new SignJWT({
      client_id: clientId,
      gid: publicId('oauthGrant', subject.grantId),
      tid: publicId('tenant', subject.tenantId),
      scope: subject.scopes.join(' '),
    })
      .setProtectedHeader({ alg: signingAlgorithm, kid, typ: accessTokenType })
      .setIssuer(this.resource)
      .setAudience(this.resource)
      .setSubject(subject.userId === undefined ? clientId : publicId('user', subject.userId))
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + seconds)
      .setJti(newUuid())
      .sign(privateKey);
  }

  /** What a token says, once signature, type, issuer, audience and time are right; undefined for anything else. Not whether its grant still counts. */
  async verify(token: string): Promise<VerifiedOAuthToken | undefined> {
    const verified = await this.verified.get(token, () => this.verifyAnew(token));
    if (verified === undefined || (verified.expiresAt + clockToleranceSeconds) * 1_000 <= clock.now()) return undefined;
    return verified;
  }

  private async verifyAnew(token: string): Promise<VerifiedOAuthToken | undefined> {
    const kid = kidOf(token);
    const publicKey = kid === undefined ? undefined : await this.keys.publicKey(kid);
    if (publicKey === undefined) return undefined;
    const options = {
      algorithms: [signingAlgorithm],
      typ: accessTokenType,
      issuer: this.resource,
      audience: this.resource,
      requiredClaims: ['exp', 'iat', 'jti'],
      currentDate: currentDate(),
      clockTolerance: clockToleranceSeconds,
    };
    const verified = await jwtVerify(token, publicKey.key, options).catch(() => undefined);
    return verified === undefined ? undefined : toVerified(verified.payload);
  }
}

function kidOf(token: string): string | undefined {
  try {
    const { alg, crit, kid } = decodeProtectedHeader(token);
    return alg === signingAlgorithm && crit === undefined ? kid : undefined;
  } catch {
    return undefined;
  }
}

function toVerified(payload: unknown): VerifiedOAuthToken | undefined {
  const claims = Claims.safeParse(payload);
  if (!claims.success) return undefined;
  const { sub, client_id, gid, tid, scope, iat, exp, jti } = claims.data;
  const [clientId, grantId, tenantId] = [uuidOf('oauthClient', client_id), uuidOf('oauthGrant', gid), uuidOf('tenant', tid)];
  const userId = sub === client_id ? undefined : uuidOf('user', sub);
  if (clientId === undefined || grantId === undefined || tenantId === undefined || (userId === undefined && sub !== client_id))
    return undefined;
  const scopes = scope.split(' ').filter((name) => name !== '');
  return { tenantId, clientId, grantId, ...(userId === undefined ? {} : { userId }), scopes, issuedAt: iat, expiresAt: exp, tokenId: jti };
}
