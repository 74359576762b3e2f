import { Injectable } from '@nestjs/common';
import type { Role } from '../../../kernel/permissions.ts';
import type { Assurance } from '../../../kernel/principal.ts';
import { SystemDatabase } from '../../../platform/database/index.ts';
import { CredentialChanges, credentialMemoryMs } from './credential-changes.ts';
import { CredentialStatesRepository, isStrong, type LiveCredential } from './credential-states.repository.ts';
import { RecentValues } from './recent-values.ts';

interface NamedSession {
  tenantId: string;
  sessionId: string;
  userId: string;
  role: Role;
}

interface SessionState {
  tenantId: string;
  live: LiveCredential | undefined;
}

/** Whether sessions count, remembered for a few seconds so that most requests ask no database. */
@Injectable()
export class LiveSessions {
  private readonly recent = new RecentValues<SessionState>({ maxEntries: 10_000, maxAgeMs: credentialMemoryMs });

  constructor(
    private readonly system: SystemDatabase,
    private readonly states: CredentialStatesRepository,
    changes: CredentialChanges,
  ) {
    changes.onChange((tenantId) => this.recent.forget((state) => state.tenantId === tenantId));
  }

  /** True when the session is live and belongs to that user in that role. */
  async isLive(session: NamedSession): Promise<boolean> {
    return (await this.assurance(session)) !== undefined;
  }

  /** How sure it is that a session's user is who they say; undefined when it is not live, or not of that user in that role. */
  async assurance(session: NamedSession): Promise<Assurance | undefined> {
    const { tenantId, sessionId } = session;
    const state = await this.recent.get(`${tenantId}|${sessionId}`, async () => {
      const [live] = await this.system.run('credential-recheck', (tx) =>
        this.states.live(tx, [{ kind: 'session', tenantId, id: sessionId }]),
      );
      return { tenantId, live };
    });
    const live = state?.live;
    if (live?.userId !== session.userId || live.role !== session.role) return undefined;
    const { provenAt, factorHeld, factorDemanded } = live;
    return {
      strong: isStrong(live),
      provenAt: provenAt?.getTime() ?? 0,
      factorHeld: factorHeld === true,
      factorDemanded: factorDemanded === true,
    };
  }
}
