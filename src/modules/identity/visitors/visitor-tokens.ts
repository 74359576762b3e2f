import { Inject, Injectable } from '@nestjs/common';
import { decodeProtectedHeader, jwtVerify, SignJWT } from 'jose';
import { z } from 'zod';
import { clock, currentDate } from '../../../kernel/clock.ts';
import { publicId, uuidOf } from '../../../kernel/ids.ts';
import { type HttpConfig, httpConfig, publicUrlOf } from '../../../platform/http/index.ts';
import { type IdentityConfig, identityConfig } from '../identity.config.ts';
import { identityErrors } from '../identity.errors.ts';
import { clockToleranceSeconds } from '../signing/access-tokens.ts';
import { signingAlgorithm, SigningKeys } from '../signing/signing-keys.ts';
import { Visitors } from './visitors.service.ts';

const tokenType = 'visitor+jwt';
const tokenAudience = 'parley:visitor';
const maxTokenLength = 2_048;
const daySeconds = 86_400;

/** One visitor of one bot. Ids are UUIDs. */
export interface VisitorTokenSubject {
  tenantId: string;
  botId: string;
  visitorId: string;
}

const Claims = z.object({ sub: z.string(), tid: z.string(), bot: z.string(), exp: z.number() });

/** Tokens with which an anonymous visitor comes back as the same person. They open nothing but the way to the next ticket. */
@Injectable()
export class VisitorTokens {
  constructor(
    private readonly keys: SigningKeys,
    private readonly visitors: Visitors,
    @Inject(httpConfig.token) private readonly http: HttpConfig,
    @Inject(identityConfig.token) private readonly config: IdentityConfig,
  ) {}

  /** A signed token. */
  async issue(subject: VisitorTokenSubject): Promise<string> {
    const { kid, privateKey } = await this.keys.current();
    const issuedAt = Math.floor(clock.now() / 1000);
    return new SignJWT({ tid: publicId('tenant', subject.tenantId), bot: publicId('bot', subject.botId) })
      .setProtectedHeader({ alg: signingAlgorithm, kid, typ: tokenType })
      .setIssuer(publicUrlOf(this.http))
      .setAudience(tokenAudience)
      .setSubject(publicId('visitor', subject.visitorId))
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + this.config.visitorTokenDays * daySeconds)
      .sign(privateKey);
  }

  /** Whom a token names; the caller compares tenant and bot. Throws 401 `visitor_token_invalid`, also for an erased visitor, 403 `visitor_banned`. */
  async verify(token: string): Promise<VisitorTokenSubject> {
    const subject = toSubject(await this.verifiedPayload(token));
    if (subject === undefined || !(await this.visitors.isWelcome(subject.tenantId, subject.visitorId)))
      throw identityErrors.visitorTokenInvalid();
    return subject;
  }

  private async verifiedPayload(token: string): Promise<unknown> {
    const kid = token.length <= maxTokenLength ? kidOf(token) : undefined;
    const publicKey = kid === undefined ? undefined : await this.keys.publicKey(kid);
    if (publicKey === undefined) throw identityErrors.visitorTokenInvalid();
    try {
      const { payload } = await jwtVerify(token, publicKey.key, {
        algorithms: [signingAlgorithm],
        typ: tokenType,
        issuer: publicUrlOf(this.http),
        audience: tokenAudience,
        currentDate: currentDate(),
        clockTolerance: clockToleranceSeconds,
      });
      return payload;
    } catch {
      throw identityErrors.visitorTokenInvalid();
    }
  }
}

function kidOf(token: string): string | undefined {
  try {
    return decodeProtectedHeader(token).kid;
  } catch {
    return undefined;
  }
}

function toSubject(payload: unknown): VisitorTokenSubject | undefined {
  const claims = Claims.safeParse(payload);
  if (!claims.success) return undefined;
  const [visitorId, tenantId, botId] = [
    uuidOf('visitor', claims.data.sub),
    uuidOf('tenant', claims.data.tid),
    uuidOf('bot', claims.data.bot),
  ];
  if (visitorId === undefined || tenantId === undefined || botId === undefined) return undefined;
  return { visitorId, tenantId, botId };
}
