import { Injectable } from '@nestjs/common';
import type { UserPrincipal } from '../../../kernel/principal.ts';
import { changed, TenantDatabase } from '../../../platform/database/index.ts';
import { CredentialChanges } from '../access/credential-changes.ts';

/** Notes in a session that its user has proven themself just now. */
@Injectable()
export class Strengthening {
  constructor(
    private readonly database: TenantDatabase,
    private readonly changes: CredentialChanges,
  ) {}

  /** From now on the session counts as proven by `amr` too, on every replica. */
  async strengthen({ tenantId, sessionId }: UserPrincipal, amr: string[]): Promise<void> {
    await this.database.forTenant(tenantId, (tx) =>
      changed(
        tx,
        `UPDATE sessions SET proven_at = now(), amr = ARRAY(SELECT DISTINCT unnest(amr || $3::text[])) WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL`,
        [tenantId, sessionId, amr],
      ),
    );
    this.announce(tenantId);
  }

  /** What members can be asked for has changed: nobody goes by what they remember. */
  announce(tenantId: string): void {
    this.changes.announce(tenantId);
  }
}
