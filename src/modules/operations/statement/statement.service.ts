import { Inject, Injectable } from '@nestjs/common';
import { currentDate } from '../../../kernel/clock.ts';
import type { Principal } from '../../../kernel/principal.ts';
import { Models } from '../../models/index.ts';
import { type PrivacyConfig, privacyConfig, RetentionPolicies, TenantPrivacy } from '../../privacy/index.ts';

/** What `modules/privacy` and `platform/crypto` do; `docs/privacy.md` says more. */
const encryption = {
  content: 'AES-256-GCM in the application, before the database; bound to tenant, table, column and row',
  keys: 'one per visitor, wrapped by one per tenant, wrapped by the master key; in a database apart from the data and its backups',
  erasure: 'deleting a key makes what it sealed unreadable, in old backups of the data too',
};

/** How a tenant's data is processed, from what is configured and in force: nobody keeps it by hand. */
@Injectable()
export class PrivacyStatement {
  constructor(
    private readonly models: Models,
    private readonly privacy: TenantPrivacy,
    private readonly retention: RetentionPolicies,
    @Inject(privacyConfig.token) private readonly config: PrivacyConfig,
  ) {}

  /** The statement as of now. */
  async of({ tenantId }: Principal) {
    const { region, processor, processorContact, subProcessors, presidioUrl } = this.config;
    const mode = await this.privacy.modeOf(tenantId);
    const [providers, retention, answerCache, analytics] = await Promise.all([
      this.models.providersOf(tenantId),
      this.retention.get({ tenantId }),
      this.privacy.allowsAnswerCache(tenantId),
      this.privacy.allowsThirdPartyAnalytics(tenantId),
    ]);
    const detector = presidioUrl === undefined ? [] : [`Presidio analyzer at ${new URL(presidioUrl).host}`];
    return {
      object: 'privacy_statement' as const,
      made_at: currentDate().toISOString(),
      region: region ?? null,
      processor: processor ?? null,
      processor_contact: processorContact ?? null,
      sub_processors: [...subProcessors, ...detector],
      model_providers: providers.map((each) => ({ ...each, called: each.covered || mode === 'standard' })),
      mode,
      answer_cache: answerCache,
      third_party_analytics: analytics,
      retention,
      encryption,
    };
  }
}
