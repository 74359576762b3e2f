import { Injectable } from '@nestjs/common';
import { SystemDatabase } from '../../../../platform/database/index.ts';
import { CredentialChanges, credentialMemoryMs } from '../../access/credential-changes.ts';
import { CredentialStatesRepository, type LiveCredential } from '../../access/credential-states.repository.ts';
import { RecentValues } from '../../access/recent-values.ts';

interface GrantState {
  tenantId: string;
  live: LiveCredential | undefined;
}

/** Whether grants count, remembered for a few seconds so that most requests ask no database. */
@Injectable()
export class LiveGrants {
  private readonly recent = new RecentValues<GrantState>({ maxEntries: 10_000, maxAgeMs: credentialMemoryMs });

  constructor(
    private readonly system: SystemDatabase,
    private readonly states: CredentialStatesRepository,
    changes: CredentialChanges,
  ) {
    changes.onChange((tenantId) => this.recent.forget((state) => state.tenantId === tenantId));
  }

  /** The grant with its member and the role that they have now; undefined when it has ended, or its client, member or tenant does not count. */
  async find(tenantId: string, grantId: string): Promise<LiveCredential | undefined> {
    const state = await this.recent.get(`${tenantId}|${grantId}`, async () => {
      const [live] = await this.system.run('credential-recheck', (tx) =>
        this.states.live(tx, [{ kind: 'oauth_grant', tenantId, id: grantId }]),
      );
      return { tenantId, live };
    });
    return state?.live;
  }
}
