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

const bots: HeldTable = {
  table: 'bots',
  file: 'bots',
  of: { tenant: 'true' },
  ids: { id: 'bot', published_version_id: 'botVersion' },
  columns: ['name', 'allowed_origins', 'created_at', 'updated_at'],
  sealed: { draft: 'json', metadata: 'json' },
};
const versions: HeldTable = {
  table: 'bot_versions',
  file: 'bot_versions',
  of: { tenant: 'true' },
  ids: { id: 'botVersion', bot_id: 'bot' },
  columns: ['number', 'created_at'],
  sealed: { settings: 'json' },
};

/** The tenant's bots: nothing of people. */
@Injectable()
@HoldsPersonalData({ rank: 5, tables: { bots: 'tenant', bot_versions: 'tenant' } })
export class BotsData implements PersonalDataHolder {
  constructor(private readonly held: HeldTables) {}

  export(subject: DataSubject): AsyncIterable<ExportedRecord> {
    return this.held.records(subject, [bots, versions]);
  }

  /** With their tenant. */
  async erase(): Promise<ErasedRows> {
    return {};
  }
}
