import { Injectable } from '@nestjs/common';
import { redisKeys, RedisConnections } from '../redis/index.ts';
import type { DataSubject } from './data-subject.ts';
import { type ErasedRows, type ExportedRecord, HoldsPersonalData, type PersonalDataHolder } from './personal-data-holder.ts';

/** Keys that Redis looks at in one call. */
const scanKeys = 1_000;

/**
 * Tables of the platform. Answers to `Idempotency-Key` are the tenant's own and live for a day: routes that answer with something of a
 * person keep none. The audit trail names people by ids alone and stays, since it has to show that they were erased.
 */
@Injectable()
@HoldsPersonalData({
  rank: 0,
  tables: {
    idempotency_keys: 'tenant',
    outbox: 'tenant',
    audit_events: 'kept',
    audit_heads: 'kept',
    audit_checkpoints: 'kept',
    replicas: 'platform',
    migrations: 'platform',
  },
})
export class PlatformData implements PersonalDataHolder {
  constructor(private readonly redis: RedisConnections) {}

  async *export(): AsyncGenerator<ExportedRecord> {
    yield* [];
  }

  /** Rows go with their tenant, or after it; of a tenant everything in Redis goes too. */
  async erase({ tenantId, kind }: DataSubject): Promise<ErasedRows> {
    if (kind !== 'tenant') return {};
    let cursor = '0';
    do {
      const [next, keys] = await this.redis.commands.scan(cursor, 'MATCH', redisKeys.ofTenant(tenantId), 'COUNT', scanKeys);
      if (keys.length > 0) await this.redis.commands.del(...keys);
      cursor = next;
    } while (cursor !== '0');
    return {};
  }
}
