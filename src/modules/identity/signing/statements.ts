import { Inject, Injectable } from '@nestjs/common';
import { CompactSign } from 'jose';
import type { JWK } from 'jose';
import { clock } from '../../../kernel/clock.ts';
import { publicId } from '../../../kernel/ids.ts';
import { type HttpConfig, httpConfig, publicUrlOf } from '../../../platform/http/index.ts';
import { signingAlgorithm, SigningKeys } from './signing-keys.ts';

/** What a statement is about: its `typ`, so that none passes for another, nor for an access token. */
export type StatementKind = 'audit-head' | 'erasure-receipt';

/**
 * Statements of this installation that somebody else can check later, without us: compact JWS (RFC 7515) by the key that signs tokens,
 * verified with the public keys at /.well-known/jwks.json.
 */
@Injectable()
export class Statements {
  constructor(
    private readonly keys: SigningKeys,
    @Inject(httpConfig.token) private readonly http: HttpConfig,
  ) {}

  /** Signs `facts` about a tenant (a UUID) together with issuer, tenant and time (`iss`, `tenant`, `iat` in seconds). */
  async sign(kind: StatementKind, tenantId: string, facts: Record<string, unknown>): Promise<string> {
    const { kid, privateKey } = await this.keys.current();
    const claims = { iss: publicUrlOf(this.http), tenant: publicId('tenant', tenantId), iat: Math.floor(clock.now() / 1000), ...facts };
    return new CompactSign(Buffer.from(JSON.stringify(claims)))
      .setProtectedHeader({ alg: signingAlgorithm, kid, typ: `parley-${kind}+jws` })
      .sign(privateKey);
  }

  /** The public keys that verify statements, as they count now. */
  async publicKeys(): Promise<JWK[]> {
    return (await this.keys.jwks()).keys;
  }
}
