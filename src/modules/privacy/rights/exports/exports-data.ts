import { Injectable } from '@nestjs/common';
import { TenantDatabase } from '../../../../platform/database/index.ts';
import {
  type DataSubject,
  type ErasedRows,
  type ExportedRecord,
  HoldsPersonalData,
  type PersonalDataHolder,
} from '../../../../platform/personal-data/index.ts';
import { ExportRemoval } from './export-removal.ts';
import { ExportsRepository } from './exports.repository.ts';

/**
 * Archives are copies of what all holders have, and of nothing else: they are in no archive themselves. With a person go the archives that
 * they are in, those of the whole tenant too.
 */
@Injectable()
@HoldsPersonalData({ rank: 2, tables: { personal_exports: 'person', personal_export_parts: 'person' } })
export class ExportsData implements PersonalDataHolder {
  constructor(
    private readonly database: TenantDatabase,
    private readonly exports: ExportsRepository,
    private readonly removal: ExportRemoval,
  ) {}

  // eslint-disable-next-line require-yield
  async *export(): AsyncGenerator<ExportedRecord> {}

  async erase({ tenantId, kind, id }: DataSubject): Promise<ErasedRows> {
    const held = await this.database.forTenant(tenantId, (tx) => this.exports.holding(tx, tenantId, kind, id));
    let gone = 0;
    for (const each of held) if (await this.removal.remove(tenantId, each)) gone += 1;
    return gone === 0 ? {} : { personal_exports: gone };
  }
}
