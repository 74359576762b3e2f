import { Injectable } from '@nestjs/common';
import { changed, rows, TenantDatabase } from '../../platform/database/index.ts';
import {
  type DataSubject,
  type ErasedRows,
  type ExportedRecord,
  type HeldTable,
  HeldTables,
  HoldsPersonalData,
  type PersonalDataHolder,
} from '../../platform/personal-data/index.ts';
import { redisKeys, RedisConnections } from '../../platform/redis/index.ts';

const calls: HeldTable = {
  table: 'provider_calls',
  file: 'provider_calls',
  of: { visitor: 't.visitor_id = $2', tenant: 'true' },
  ids: { turn_id: 'turn', bot_id: 'bot', visitor_id: 'visitor', api_key_id: 'apiKey' },
  columns: ['kind', 'model', 'input_tokens', 'output_tokens', 'estimated', 'cost', 'created_at', 'settled_at'],
};
const counters: HeldTable = {
  table: 'usage_counters',
  file: 'usage_counters',
  of: { visitor: 't.subject = $2', tenant: 'true' },
  key: 'subject',
  ids: {},
  columns: [],
};

/** Calls that are looked at in one transaction. */
const batchRows = 2_000;
const lowestId = '00000000-0000-0000-0000-000000000000';

/**
 * What was used. The ledger stays when a visitor goes, since it is the tenant's account, but no longer says whose a call was; what is
 * counted for the visitor goes.
 */
@Injectable()
@HoldsPersonalData({ rank: 2, tables: { provider_calls: 'person', usage_counters: 'person', tenant_plans: 'tenant', plans: 'platform' } })
export class PlansData implements PersonalDataHolder {
  constructor(
    private readonly held: HeldTables,
    private readonly database: TenantDatabase,
    private readonly redis: RedisConnections,
  ) {}

  export(subject: DataSubject): AsyncIterable<ExportedRecord> {
    // Counters only add up what the calls say.
    return this.held.records(subject, [calls]);
  }

  async erase(subject: DataSubject): Promise<ErasedRows> {
    const { tenantId, id, kind } = subject;
    if (kind === 'tenant') return this.held.erase(subject, [calls, counters]);
    if (kind !== 'visitor') return {};
    const anonymised = await this.anonymise(tenantId, id);
    const erased = await this.held.erase(subject, [counters]);
    const keys = [redisKeys.visitorMessages, redisKeys.visitorCopies, redisKeys.visitorTurns].map((keyOf) => keyOf(tenantId, id));
    await this.redis.commands.del(...keys);
    return anonymised === 0 ? erased : { ...erased, provider_calls: anonymised };
  }

  /** Goes through the tenant's calls by their key: an index by visitor would be paid for with every call. */
  private async anonymise(tenantId: string, visitorId: string): Promise<number> {
    let total = 0;
    for (let after: string | undefined = lowestId; after !== undefined;) {
      const from: string = after;
      const seen = await this.database.forTenant(tenantId, async (tx) => {
        const page = await rows<{ id: string; theirs: boolean }>(
          tx,
          `SELECT id, visitor_id IS NOT DISTINCT FROM $3::uuid AS theirs FROM provider_calls WHERE tenant_id = $1 AND id > $2 ORDER BY id LIMIT ${batchRows}`,
          [tenantId, from, visitorId],
        );
        const theirs = page.filter(({ theirs: mine }) => mine).map((call) => call.id);
        if (theirs.length > 0)
          total += await changed(tx, 'UPDATE provider_calls SET visitor_id = NULL WHERE tenant_id = $1 AND id = ANY($2::uuid[])', [
            tenantId,
            theirs,
          ]);
        return page;
      });
      after = seen.length < batchRows ? undefined : seen.at(-1)?.id;
    }
    return total;
  }
}
