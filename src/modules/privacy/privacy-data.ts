import { Injectable } from '@nestjs/common';
import {
  type DataSubject,
  type ErasedRows,
  type ExportedRecord,
  type HeldTable,
  HeldTables,
  HoldsPersonalData,
  type PersonalDataHolder,
} from '../../platform/personal-data/index.ts';

const consents: HeldTable = {
  table: 'visitor_consents',
  file: 'consents',
  of: { visitor: 't.visitor_id = $2', tenant: 'true' },
  ids: { visitor_id: 'visitor' },
  columns: ['purpose', 'given', 'source', 'decided_at'],
  sealed: { evidence: 'text' },
};
const mappings: HeldTable = {
  table: 'privacy_mappings',
  file: 'hidden_values',
  of: { visitor: 't.visitor_id = $2', tenant: 'true' },
  ids: { id: 'privacyMapping', visitor_id: 'visitor' },
  columns: ['expires_at'],
  sealed: { content: 'json' },
};
const holds: HeldTable = {
  table: 'legal_holds',
  file: 'legal_holds',
  of: { tenant: 'true' },
  ids: { id: 'legalHold' },
  columns: ['kind', 'reason_code', 'placed_by', 'placed_at', 'ends_at', 'lifted_at'],
};

/**
 * What visitors have consented to, and values that were hidden in their texts. Holds and receipts name people by ids alone, and stay: they
 * show why something was kept, and that it was erased.
 */
@Injectable()
@HoldsPersonalData({
  rank: 2,
  tables: {
    visitor_consents: 'person',
    privacy_mappings: 'person',
    legal_holds: 'kept',
    erasures: 'kept',
    tenant_privacy: 'tenant',
    bot_retention: 'tenant',
  },
})
export class PrivacyData implements PersonalDataHolder {
  constructor(private readonly held: HeldTables) {}

  export(subject: DataSubject): AsyncIterable<ExportedRecord> {
    return this.held.records(subject, [consents, mappings, holds]);
  }

  erase(subject: DataSubject): Promise<ErasedRows> {
    return this.held.erase(subject, [consents, mappings]);
  }
}
