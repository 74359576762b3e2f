import { Inject, Injectable } from '@nestjs/common';
import { row, TenantDatabase } from '../../../platform/database/index.ts';
import { RecentValues } from '../../identity/index.ts';
import { type PrivacyConfig, privacyConfig } from '../privacy.config.ts';
import type { PrivacyMode } from './privacy-mode.ts';

/** How old a tenant's mode may be, in milliseconds: a change counts on every replica within that time, and here at once. */
const freshMs = 3_000;

/** What a tenant's mode permits. Looked up once every few seconds for a busy tenant: no statement of its own on the way of a message. */
@Injectable()
export class TenantPrivacy {
  private readonly recent = new RecentValues<{ tenantId: string; mode: PrivacyMode }>({ maxEntries: 10_000, maxAgeMs: freshMs });

  constructor(
    private readonly database: TenantDatabase,
    @Inject(privacyConfig.token) private readonly config: PrivacyConfig,
  ) {}

  /** The mode of a tenant (a UUID): its own, else PRIVACY_MODE. Throws when it cannot be read: nobody is taken for `standard` by mistake. */
  async modeOf(tenantId: string): Promise<PrivacyMode> {
    const read = await this.recent.get(tenantId, async () => {
      const stored = await this.database.atOnce(tenantId, (tx) =>
        row<{ mode: PrivacyMode | null }>(tx, 'SELECT mode FROM tenant_privacy WHERE tenant_id = $1', [tenantId]),
      );
      return { tenantId, mode: stored?.mode ?? this.config.mode };
    });
    return read?.mode ?? this.config.mode;
  }

  /** Whether only what is strictly needed may be done. */
  async isStrict(tenantId: string): Promise<boolean> {
    return (await this.modeOf(tenantId)) === 'strict';
  }

  /** Whether answers may be kept and given to somebody else who asks the same. */
  async allowsAnswerCache(tenantId: string): Promise<boolean> {
    return !(await this.isStrict(tenantId));
  }

  /** Whether anything about the use of the tenant's bots may go to an analytics service of somebody else. */
  async allowsThirdPartyAnalytics(tenantId: string): Promise<boolean> {
    return !(await this.isStrict(tenantId));
  }

  /** The mode has changed: the next look reads it. */
  forget(tenantId: string): void {
    this.recent.forget((value) => value.tenantId === tenantId);
  }
}
