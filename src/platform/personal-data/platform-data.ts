import { Injectable } from '@nestjs/common';
import { type ErasedRows, type ExportedRecord, HoldsPersonalData, type PersonalDataHolder } from './personal-data-holder.ts';

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
  // eslint-disable-next-line require-yield
  async *export(): AsyncGenerator<ExportedRecord> {}

  /** With their tenant, or after it. */
  async erase(): Promise<ErasedRows> {
    return {};
  }
}
