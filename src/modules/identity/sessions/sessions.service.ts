import { Injectable } from '@nestjs/common';
import { commonErrors } from '../../../kernel/app-error.ts';
import { newUuid } from '../../../kernel/ids.ts';
import type { Role } from '../../../kernel/permissions.ts';
import { type AuditAction, auditTrail } from '../../../platform/audit/index.ts';
import { TenantDatabase, type Transaction } from '../../../platform/database/index.ts';
import { CredentialChanges } from '../access/credential-changes.ts';
import { identityErrors } from '../identity.errors.ts';
import { AccessTokens } from '../signing/access-tokens.ts';
import { RefreshTokens } from './refresh-tokens.ts';
import { SessionClients } from './session-clients.ts';
import { type SessionCaps, SessionLimits } from './session-limits.ts';
import { type LocatedToken, SessionsRepository } from './sessions.repository.ts';

/** A member of a tenant. */
export interface SessionOwner {
  tenantId: string;
  userId: string;
  role: Role;
}

/** How a member has proven themself just now. */
export interface Proof {
  /** By names of RFC 8176, and `fed` for somebody else's word; a password when absent. */
  amr?: readonly string[];
  /** Which of the tenant's identity providers let them in, if one did. */
  identityProviderId?: string | undefined;
}

/** A session with the tokens that its owner gets. */
export interface OpenedSession extends SessionOwner {
  accessToken: string;
  /** Life of the access token in seconds. */
  expiresIn: number;
  refreshToken: string;
}

/** What came of a refresh token inside the transaction. A revocation must be committed, so it is no exception. */
type Rotation =
  { outcome: 'rotated'; userId: string; role: Role; refreshToken: string } | { outcome: 'invalid' | 'reused' | 'moved' | 'too-many' };

/** New refresh tokens of one session at most within the grace time: retries of lost answers and a few open tabs. */
const maxTokensWithinGrace = 10;

/**
 * Sessions: one per sign-in, kept alive by refresh tokens that are used once (RFC 9700 section 4.14.2). A token that comes
 * again within the grace time gets another successor, since its answer may have been lost; later it has been stolen, and
 * the whole session ends. So it does when a browser's token comes from another browser or system: a session does not move.
 */
@Injectable()
export class Sessions {
  constructor(
    private readonly database: TenantDatabase,
    private readonly repository: SessionsRepository,
    private readonly tokens: RefreshTokens,
    private readonly clients: SessionClients,
    private readonly accessTokens: AccessTokens,
    private readonly changes: CredentialChanges,
    private readonly limits: SessionLimits,
  ) {}

  /** Opens a session for a member. */
  async open(owner: SessionOwner, { amr = ['pwd'], identityProviderId }: Proof = {}): Promise<OpenedSession> {
    const { tenantId, userId } = owner;
    const sessionId = newUuid();
    const [limits, client] = await Promise.all([this.limits.of(tenantId), this.clients.toStore(tenantId, userId, sessionId)]);
    const refreshToken = await this.database.forTenant(tenantId, async (tx) => {
      const seconds = limits.sessionSeconds;
      await this.repository.insert(tx, { tenantId, id: sessionId, userId, amr, identityProviderId, ...client, seconds });
      record(tx, owner, sessionId, 'session.sign_in');
      return this.tokens.add(tx, tenantId, sessionId);
    });
    return this.withAccessToken(owner, sessionId, refreshToken, limits);
  }

  /** The next tokens of the session. Throws 401 `refresh_token_invalid`, or `refresh_token_reused` or `session_moved` after ending the session. */
  async refresh(token: string): Promise<OpenedSession> {
    const located = await this.tokens.locate(token);
    if (located === undefined || located.userDisabled) throw identityErrors.refreshTokenInvalid();
    const { tenantId, sessionId } = located;
    const limits = await this.limits.of(tenantId);
    const rotation = await this.database.forTenant(tenantId, (tx) => this.rotate(tx, located, limits));
    if (rotation.outcome === 'reused') {
      this.changes.announce(tenantId);
      throw identityErrors.refreshTokenReused();
    }
    if (rotation.outcome === 'moved') {
      this.changes.announce(tenantId);
      throw identityErrors.sessionMoved();
    }
    if (rotation.outcome === 'too-many') throw commonErrors.rateLimited(this.limits.refreshGraceSeconds);
    if (rotation.outcome !== 'rotated') throw identityErrors.refreshTokenInvalid();
    const { userId, role, refreshToken } = rotation;
    return this.withAccessToken({ tenantId, userId, role }, sessionId, refreshToken, limits);
  }

  /** Ends the session of a refresh token, used or not. Does nothing for a token that is not known. */
  async signOut(token: string): Promise<void> {
    const located = await this.tokens.locate(token);
    if (located === undefined) return;
    const { tenantId, sessionId } = located;
    const revoked = await this.database.forTenant(tenantId, async (tx) => {
      const userId = await this.repository.revoke(tx, tenantId, sessionId, 'signed_out');
      if (userId !== undefined) record(tx, { tenantId, userId }, sessionId, 'session.sign_out');
      return userId !== undefined;
    });
    if (revoked) this.changes.announce(tenantId);
  }

  private async rotate(tx: Transaction, { tenantId, id, sessionId }: LocatedToken, limits: SessionCaps): Promise<Rotation> {
    const session = await this.repository.lock(tx, tenantId, sessionId, limits);
    if (session?.live !== true) return { outcome: 'invalid' };
    if (isAnother(session.deviceHash, this.clients.deviceHash(sessionId))) {
      await this.end(tx, tenantId, sessionId, 'moved_device', 'session.moved');
      return { outcome: 'moved' };
    }
    const grace = this.limits.refreshGraceSeconds;
    const first = await this.repository.use(tx, tenantId, id);
    if (!first && !(await this.repository.usedWithin(tx, tenantId, id, grace))) {
      await this.end(tx, tenantId, sessionId, 'refresh_token_reused', 'session.token_reused');
      return { outcome: 'reused' };
    }
    if (!first && (await this.repository.tokensMadeWithin(tx, tenantId, sessionId, grace)) >= maxTokensWithinGrace)
      return { outcome: 'too-many' };
    await this.repository.seen(tx, tenantId, sessionId);
    const refreshToken = await this.tokens.add(tx, tenantId, sessionId);
    return { outcome: 'rotated', userId: session.userId, role: session.role, refreshToken };
  }

  /** Ends a session that somebody else may have got hold of: whoever came may not be its user. */
  private async end(
    tx: Transaction,
    tenantId: string,
    sessionId: string,
    reason: 'refresh_token_reused' | 'moved_device',
    action: AuditAction,
  ): Promise<void> {
    await this.repository.revoke(tx, tenantId, sessionId, reason);
    const object = { kind: 'session', id: sessionId } as const;
    auditTrail.record(tx, tenantId, { actor: { kind: 'anonymous' }, action, object, outcome: 'refused' });
  }

  private async withAccessToken(
    owner: SessionOwner,
    sessionId: string,
    refreshToken: string,
    { accessTokenSeconds }: SessionCaps,
  ): Promise<OpenedSession> {
    const { token, expiresIn } = await this.accessTokens.issue({ ...owner, sessionId }, accessTokenSeconds);
    return { ...owner, accessToken: token, expiresIn, refreshToken };
  }
}

function record(tx: Transaction, { tenantId, userId }: Omit<SessionOwner, 'role'>, sessionId: string, action: AuditAction): void {
  auditTrail.record(tx, tenantId, { actor: { kind: 'user', id: userId }, action, object: { kind: 'session', id: sessionId } });
}

/** Whether two devices are known, and not the same. */
function isAnother(one: Buffer | null, other: Buffer | null): boolean {
  return one !== null && other !== null && !one.equals(other);
}
