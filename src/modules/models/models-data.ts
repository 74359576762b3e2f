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

const credentials: HeldTable = {
  table: 'model_credentials',
  file: 'model_credentials',
  of: { tenant: 'true' },
  ids: { id: 'modelCredential' },
  columns: ['name', 'kind', 'base_url', 'api_version', 'hint', 'covered', 'created_at', 'updated_at'],
};
const routes: HeldTable = {
  table: 'model_routes',
  file: 'model_routes',
  of: { tenant: 'true' },
  ids: { id: 'modelRoute' },
  columns: ['name', 'after_content_filter', 'created_at', 'updated_at'],
};

/** The tenant's ways to models: nothing of people, and no secret in any export. */
@Injectable()
@HoldsPersonalData({
  rank: 3,
  tables: {
    model_credentials: 'tenant',
    model_routes: 'tenant',
    model_targets: 'tenant',
    model_catalog: 'platform',
    model_prices: 'platform',
    platform_model_credentials: 'platform',
    platform_model_routes: 'platform',
    platform_model_targets: 'platform',
  },
})
export class ModelsData implements PersonalDataHolder {
  constructor(private readonly held: HeldTables) {}

  export(subject: DataSubject): AsyncIterable<ExportedRecord> {
    return this.held.records(subject, [credentials, routes]);
  }

  /** With their tenant. */
  async erase(): Promise<ErasedRows> {
    return {};
  }
}
