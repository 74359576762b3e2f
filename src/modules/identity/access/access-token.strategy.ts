import { Inject, Injectable } from '@nestjs/common';
import { decodeProtectedHeader } from 'jose';
import { Strategy } from 'passport-jwt';
import { commonErrors } from '../../../kernel/app-error.ts';
import { rolePermissions } from '../../../kernel/permissions.ts';
import type { UserPrincipal } from '../../../kernel/principal.ts';
import { type HttpConfig, httpConfig, publicUrlOf, toAppError } from '../../../platform/http/index.ts';
import { accessTokenAudience, accessTokenType, clockToleranceSeconds, readClaims } from '../signing/access-tokens.ts';
import { signingAlgorithm, SigningKeys } from '../signing/signing-keys.ts';
import type { CredentialRequest } from './credential-request.ts';
import { LiveSessions } from './live-sessions.ts';

/**
 * Passport strategy for access tokens, after RFC 8725: one algorithm, a key of ours chosen by `kid` alone (never one that the
 * token brings along), explicit `typ`, issuer and audience. Then the session must still be live.
 */
@Injectable()
export class AccessTokenStrategy extends Strategy {
  constructor(keys: SigningKeys, sessions: LiveSessions, @Inject(httpConfig.token) http: HttpConfig) {
    super(
      {
        jwtFromRequest: (request: CredentialRequest) => request.credential,
        secretOrKeyProvider: (_request, token: string, done) => {
          verificationKey(keys, token).then(
            (pem) => done(null, pem),
            // passport-jwt calls any failure here a bad token; as an AppError it keeps its status (503 when the keystore is away).
            (error: unknown) => done(toAppError(error)),
          );
        },
        algorithms: [signingAlgorithm],
        issuer: publicUrlOf(http),
        audience: accessTokenAudience,
        jsonWebTokenOptions: { clockTolerance: clockToleranceSeconds },
      },
      (payload: unknown, done) => {
        acceptedPrincipal(sessions, payload).then(
          (principal) => done(null, principal ?? false),
          (error: unknown) => done(error),
        );
      },
    );
  }
}

/** The PEM of the key that the token names. Throws 401 for anything that is not an access token of ours. */
async function verificationKey(keys: SigningKeys, token: string): Promise<string> {
  const header = headerOf(token);
  if (header?.typ !== accessTokenType || header.alg !== signingAlgorithm || header.crit !== undefined || typeof header.kid !== 'string') {
    throw commonErrors.unauthenticated();
  }
  const key = await keys.publicKey(header.kid);
  if (key === undefined) throw commonErrors.unauthenticated();
  return key.pem;
}

function headerOf(token: string) {
  try {
    return decodeProtectedHeader(token);
  } catch {
    return undefined;
  }
}

async function acceptedPrincipal(sessions: LiveSessions, payload: unknown): Promise<UserPrincipal | undefined> {
  const claims = readClaims(payload);
  const assurance = claims === undefined ? undefined : await sessions.assurance(claims);
  if (claims === undefined || assurance === undefined) return undefined;
  return { kind: 'user', ...claims, permissions: rolePermissions[claims.role], assurance };
}
