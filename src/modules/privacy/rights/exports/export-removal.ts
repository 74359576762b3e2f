import { Injectable } from '@nestjs/common';
import { TenantDatabase } from '../../../../platform/database/index.ts';
import { ExportKeys } from './export-keys.ts';
import { ExportPartsRepository } from './export-parts.repository.ts';
import { type ExportRow, ExportsRepository } from './exports.repository.ts';

/** Later than any attempt. */
const everyAttempt = 2 ** 31 - 1;

/** Takes archives away, in short transactions. Doing it twice changes nothing. */
@Injectable()
export class ExportRemoval {
  constructor(
    private readonly database: TenantDatabase,
    private readonly exports: ExportsRepository,
    private readonly parts: ExportPartsRepository,
    private readonly keys: ExportKeys,
  ) {}

  /** Removes an export with all that there is of it, while it is made too; gives whether this was it. */
  async remove(tenantId: string, { id, kind }: Pick<ExportRow, 'id' | 'kind'>): Promise<boolean> {
    if (kind === 'tenant') await this.keys.destroy(tenantId, id);
    // Whoever makes it notices with its next part, and adds none any more.
    await this.database.forTenant(tenantId, (tx) => this.exports.end(tx, tenantId, id, { state: 'failed', errorCode: 'erased' }));
    await this.removeParts(tenantId, id);
    return this.database.forTenant(tenantId, (tx) => this.exports.delete(tx, tenantId, id));
  }

  /** Removes the archive of an export whose time is over; that there was one is still shown. */
  async expire(tenantId: string, { id, kind }: Pick<ExportRow, 'id' | 'kind'>): Promise<void> {
    if (kind === 'tenant') await this.keys.destroy(tenantId, id);
    await this.removeParts(tenantId, id);
    await this.database.forTenant(tenantId, (tx) => this.exports.end(tx, tenantId, id, { state: 'expired' }));
  }

  /** Removes what attempts before `attempt` have left, or all attempts. */
  async removeParts(tenantId: string, exportId: string, attempt = everyAttempt): Promise<void> {
    for (let more = true; more;)
      more = await this.database.forTenant(tenantId, (tx) => this.parts.deleteSomeBefore(tx, tenantId, exportId, attempt));
  }
}
