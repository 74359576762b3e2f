import { Injectable } from '@nestjs/common';
import type { Role } from '../../../kernel/permissions.ts';
import { SystemDatabase } from '../../../platform/database/index.ts';
import { CredentialChanges, credentialMemoryMs } from './credential-changes.ts';
import { CredentialStatesRepository, type LiveCredential } from './credential-states.repository.ts';
import { RecentValues } from './recent-values.ts';

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
  async isLive(session: { tenantId: string; sessionId: string; userId: string; role: Role }): Promise<boolean> {
    const { tenantId, sessionId } = session;
    const state = await this.recent.get(`${tenantId}|${sessionId}`, async () => {
      const [live] = await this.system.run('credential-recheck', (tx) =>
        this.states.live(tx, [{ kind: 'session', tenantId, id: sessionId }]),
      );
      return { tenantId, live };
    });
    return state?.live?.userId === session.userId && state.live.role === session.role;
  }
}
