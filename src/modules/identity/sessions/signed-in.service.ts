import { Injectable } from '@nestjs/common';
import { commonErrors } from '../../../kernel/app-error.ts';
import { publicId, uuidOf } from '../../../kernel/ids.ts';
import type { Principal, UserPrincipal } from '../../../kernel/principal.ts';
import { actorOf, auditTrail } from '../../../platform/audit/index.ts';
import { TenantDatabase } from '../../../platform/database/index.ts';
import { CredentialChanges } from '../access/credential-changes.ts';
import { identityErrors } from '../identity.errors.ts';
import { SessionClients } from './session-clients.ts';
import { type SessionRow, SessionsRepository } from './sessions.repository.ts';

/** Where members are signed in, and how that ends: tokens and sockets on every replica within five seconds. */
@Injectable()
export class SignedIn {
  constructor(
    private readonly database: TenantDatabase,
    private readonly repository: SessionsRepository,
    private readonly clients: SessionClients,
    private readonly changes: CredentialChanges,
  ) {}

  /** The caller's own sessions in this tenant, newest first. Throws 403 for who is no member. */
  async list(caller: Principal) {
    const { tenantId, userId, sessionId } = memberOnly(caller);
    const found = await this.database.forTenant(tenantId, (tx) => this.repository.liveOf(tx, tenantId, userId));
    return { object: 'list' as const, data: await Promise.all(found.map((session) => this.present(tenantId, session, sessionId))) };
  }

  /** Ends a session of the caller's own. Throws 404. */
  async revoke(caller: Principal, id: string): Promise<void> {
    const only = uuidOf('session', id);
    if (only === undefined) throw identityErrors.sessionNotFound();
    const ended = await this.end(caller, memberOnly(caller).userId, { only });
    if (ended.length === 0) throw identityErrors.sessionNotFound();
  }

  /** Ends the caller's sessions but for the one that asks. */
  async revokeOthers(caller: Principal) {
    const { userId, sessionId } = memberOnly(caller);
    const ended = await this.end(caller, userId, { except: sessionId });
    return { object: 'revoked_sessions' as const, count: ended.length };
  }

  /** Ends sessions of a member (a UUID); gives which. */
  async end(caller: Principal, userId: string, which: { only?: string; except?: string } = {}): Promise<string[]> {
    const { tenantId } = caller;
    const ended = await this.database.forTenant(tenantId, async (tx) => {
      const revoked = await this.repository.revokeOf(tx, { tenantId, userId }, which);
      const object = { kind: 'user', id: userId } as const;
      if (revoked.length > 0)
        auditTrail.record(tx, tenantId, { actor: actorOf(caller), action: 'session.revoke', object, detail: { sessions: revoked.length } });
      return revoked;
    });
    if (ended.length > 0) this.changes.announce(tenantId);
    return ended;
  }

  private async present(tenantId: string, session: SessionRow, current: string) {
    const client = await this.clients.open(tenantId, session.id, session.client);
    return {
      object: 'signed_in_session' as const,
      id: publicId('session', session.id),
      current: session.id === current,
      device: client?.device ?? null,
      address: client?.address ?? null,
      amr: session.amr,
      created_at: session.createdAt.toISOString(),
      last_seen_at: session.lastSeenAt?.toISOString() ?? null,
      expires_at: session.expiresAt.toISOString(),
    };
  }
}

/** The caller as a member. Throws 403 for keys and visitors. */
export function memberOnly(caller: Principal): UserPrincipal {
  if (caller.kind !== 'user') throw commonErrors.forbidden();
  return caller;
}
