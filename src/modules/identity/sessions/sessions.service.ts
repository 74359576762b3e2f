import { Injectable } from '@nestjs/common';
import { commonErrors } from '../../../kernel/app-error.ts';
import { newUuid } from '../../../kernel/ids.ts';
import type { Role } from '../../../kernel/permissions.ts';
import { type AuditAction, auditTrail } from '../../../platform/audit/index.ts';
import { KeyedHash } from '../../../platform/crypto/index.ts';
import { SystemDatabase, TenantDatabase, type Transaction } from '../../../platform/database/index.ts';
import { CredentialChanges } from '../access/credential-changes.ts';
import { identityErrors } from '../identity.errors.ts';
import { AccessTokens } from '../signing/access-tokens.ts';
import { isRefreshTokenShaped, newRefreshToken } from './refresh-token.ts';
import { SessionLimits, type SessionLimitsOfTenant } from './session-limits.ts';
import { type LocatedToken, SessionsRepository } from './sessions.repository.ts';

/** A member of a tenant. */
export interface SessionOwner {
  tenantId: string;
  userId: string;
  role: Role;
}

/** A session with the tokens that its owner gets. */
export interface OpenedSession extends SessionOwner {
  accessToken: string;
  /** Life of the access token in seconds. */
  expiresIn: number;
  refreshToken: string;
}

/** What came of a refresh token inside the transaction. A revocation must be committed, so it is no exception. */
type Rotation = { outcome: 'rotated'; userId: string; role: Role; refreshToken: string } | { outcome: 'invalid' | 'reused' | 'too-many' };

/** New refresh tokens of one session at most within the grace time: retries of lost answers and a few open tabs. */
const maxTokensWithinGrace = 10;

/**
 * Sessions: one per sign-in, kept alive by refresh tokens that are used once (RFC 9700 section 4.14.2). A token that comes
 * again within the grace time gets another successor, since its answer may have been lost; later it has been stolen, and
 * the whole session ends.
 */
@Injectable()
export class Sessions {
  constructor(
    private readonly system: SystemDatabase,
    private readonly database: TenantDatabase,
    private readonly repository: SessionsRepository,
    private readonly hash: KeyedHash,
    private readonly accessTokens: AccessTokens,
    private readonly changes: CredentialChanges,
    private readonly limits: SessionLimits,
  ) {}

  /** Opens a session for a member. `identityProviderId`: which of the tenant's providers let them in, if one did. */
  async open(owner: SessionOwner, identityProviderId?: string): Promise<OpenedSession> {
    const { tenantId, userId } = owner;
    const sessionId = newUuid();
    const limits = await this.limits.of(tenantId);
    const refreshToken = await this.database.forTenant(tenantId, async (tx) => {
      await this.repository.insert(tx, { tenantId, id: sessionId, userId, seconds: limits.sessionSeconds, identityProviderId });
      record(tx, owner, sessionId, 'session.sign_in');
      return this.addToken(tx, tenantId, sessionId);
    });
    return this.withAccessToken(owner, sessionId, refreshToken, limits);
  }

  /** The next tokens of the session. Throws 401 `refresh_token_invalid`, or `refresh_token_reused` after ending the session. */
  async refresh(token: string): Promise<OpenedSession> {
    const located = await this.locate(token);
    if (located === undefined || located.userDisabled) throw identityErrors.refreshTokenInvalid();
    const { tenantId, sessionId } = located;
    const limits = await this.limits.of(tenantId);
    const rotation = await this.database.forTenant(tenantId, (tx) => this.rotate(tx, located, limits));
    if (rotation.outcome === 'reused') {
      this.changes.announce(tenantId);
      throw identityErrors.refreshTokenReused();
    }
    if (rotation.outcome === 'too-many') throw commonErrors.rateLimited(this.limits.refreshGraceSeconds);
    if (rotation.outcome !== 'rotated') throw identityErrors.refreshTokenInvalid();
    const { userId, role, refreshToken } = rotation;
    return this.withAccessToken({ tenantId, userId, role }, sessionId, refreshToken, limits);
  }

  /** Ends the session of a refresh token, used or not. Does nothing for a token that is not known. */
  async signOut(token: string): Promise<void> {
    const located = await this.locate(token);
    if (located === undefined) return;
    const { tenantId, sessionId } = located;
    const revoked = await this.database.forTenant(tenantId, async (tx) => {
      const userId = await this.repository.revoke(tx, tenantId, sessionId, 'signed_out');
      if (userId !== undefined) record(tx, { tenantId, userId }, sessionId, 'session.sign_out');
      return userId !== undefined;
    });
    if (revoked) this.changes.announce(tenantId);
  }

  private async rotate(tx: Transaction, { tenantId, id, sessionId }: LocatedToken, limits: SessionLimitsOfTenant): Promise<Rotation> {
    const session = await this.repository.lock(tx, tenantId, sessionId, limits);
    if (session?.live !== true) return { outcome: 'invalid' };
    const grace = this.limits.refreshGraceSeconds;
    const first = await this.repository.use(tx, tenantId, id);
    if (!first && !(await this.repository.usedWithin(tx, tenantId, id, grace))) {
      await this.repository.revoke(tx, tenantId, sessionId, 'refresh_token_reused');
      // Whoever came with it may not be the session's user.
      const object = { kind: 'session', id: sessionId } as const;
      auditTrail.record(tx, tenantId, { actor: { kind: 'anonymous' }, action: 'session.token_reused', object, outcome: 'refused' });
      return { outcome: 'reused' };
    }
    if (!first && (await this.repository.tokensMadeWithin(tx, tenantId, sessionId, grace)) >= maxTokensWithinGrace)
      return { outcome: 'too-many' };
    const refreshToken = await this.addToken(tx, tenantId, sessionId);
    return { outcome: 'rotated', userId: session.userId, role: session.role, refreshToken };
  }

  private async addToken(tx: Transaction, tenantId: string, sessionId: string): Promise<string> {
    const token = newRefreshToken();
    await this.repository.insertToken(tx, { tenantId, id: newUuid(), sessionId, hash: this.hash.of('refresh-token', token) });
    return token;
  }

  private async locate(token: string): Promise<LocatedToken | undefined> {
    if (!isRefreshTokenShaped(token)) return undefined;
    const hash = this.hash.of('refresh-token', token);
    return this.system.run('credential-lookup', (tx) => this.repository.locate(tx, hash));
  }

  private async withAccessToken(
    owner: SessionOwner,
    sessionId: string,
    refreshToken: string,
    { accessTokenSeconds }: SessionLimitsOfTenant,
  ): Promise<OpenedSession> {
    const { token, expiresIn } = await this.accessTokens.issue({ ...owner, sessionId }, accessTokenSeconds);
    return { ...owner, accessToken: token, expiresIn, refreshToken };
  }
}

function record(tx: Transaction, { tenantId, userId }: Omit<SessionOwner, 'role'>, sessionId: string, action: AuditAction): void {
  auditTrail.record(tx, tenantId, { actor: { kind: 'user', id: userId }, action, object: { kind: 'session', id: sessionId } });
}
