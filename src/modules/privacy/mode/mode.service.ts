import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import type { Principal } from '../../../kernel/principal.ts';
import { actorOf, auditTrail } from '../../../platform/audit/index.ts';
import { changed, row, TenantDatabase } from '../../../platform/database/index.ts';
import { SessionLimits } from '../../identity/index.ts';
import { type PrivacyConfig, privacyConfig } from '../privacy.config.ts';
import type { PutMode } from './mode.schemas.ts';
import type { PrivacyMode } from './privacy-mode.ts';
import { strictSessions } from './strict-sessions.ts';
import { TenantPrivacy } from './tenant-privacy.ts';

/** The choice of a tenant's privacy mode, and what follows from it for sessions. */
@Injectable()
export class PrivacyModes implements OnModuleInit {
  constructor(
    private readonly database: TenantDatabase,
    private readonly privacy: TenantPrivacy,
    private readonly sessions: SessionLimits,
    @Inject(privacyConfig.token) private readonly config: PrivacyConfig,
  ) {}

  onModuleInit(): void {
    this.sessions.register(async (tenantId) => ((await this.privacy.isStrict(tenantId)) ? strictSessions : undefined));
  }

  /** What the tenant has chosen, and what is in force. */
  async get({ tenantId }: Principal) {
    const stored = await this.database.forTenant(tenantId, (tx) =>
      row<{ mode: PrivacyMode | null }>(tx, 'SELECT mode FROM tenant_privacy WHERE tenant_id = $1', [tenantId]),
    );
    const mode = stored?.mode ?? null;
    return { object: 'privacy_mode' as const, mode, in_force: mode ?? this.config.mode };
  }

  /** Chooses a mode: it counts here at once, and on other replicas within three seconds. */
  async put(caller: Principal, { mode }: PutMode) {
    const { tenantId } = caller;
    await this.database.forTenant(tenantId, async (tx) => {
      await changed(
        tx,
        `INSERT INTO tenant_privacy (tenant_id, mode) VALUES ($1, $2)
         ON CONFLICT (tenant_id) DO UPDATE SET mode = $2, updated_at = now()`,
        [tenantId, mode],
      );
      const object = { kind: 'setting', id: 'privacy_mode' } as const;
      auditTrail.record(tx, tenantId, { actor: actorOf(caller), action: 'privacy.update', object, detail: { mode: mode ?? 'default' } });
    });
    this.privacy.forget(tenantId);
    return this.get(caller);
  }
}
