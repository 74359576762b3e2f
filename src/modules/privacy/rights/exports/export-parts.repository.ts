import { Injectable } from '@nestjs/common';
import { changed, row, type Transaction } from '../../../../platform/database/index.ts';

/** Parts that one statement deletes: 16 MB, some 20 ms. */
const deletedAtOnce = 64;

/** The archives of exports, in parts. */
@Injectable()
export class ExportPartsRepository {
  async insert(
    tx: Transaction,
    tenantId: string,
    part: { id: string; exportId: string; attempt: number; position: number; content: Buffer },
  ): Promise<void> {
    await changed(
      tx,
      'INSERT INTO personal_export_parts (tenant_id, id, export_id, attempt, position, content) VALUES ($1, $2, $3, $4, $5, $6)',
      [tenantId, part.id, part.exportId, part.attempt, part.position, part.content],
    );
  }

  /** One part, sealed; undefined when there is none at that position. */
  at(
    tx: Transaction,
    tenantId: string,
    { exportId, attempt, position }: { exportId: string; attempt: number; position: number },
  ): Promise<{ id: string; content: Buffer } | undefined> {
    return row<{ id: string; content: Buffer }>(
      tx,
      'SELECT id, content FROM personal_export_parts WHERE tenant_id = $1 AND export_id = $2 AND attempt = $3 AND position = $4',
      [tenantId, exportId, attempt, position],
    );
  }

  /** Deletes some of the parts that attempts before `attempt` have left; gives whether there may be more. */
  async deleteSomeBefore(tx: Transaction, tenantId: string, exportId: string, attempt: number): Promise<boolean> {
    const gone = await changed(
      tx,
      `DELETE FROM personal_export_parts WHERE tenant_id = $1 AND id IN
         (SELECT id FROM personal_export_parts WHERE tenant_id = $1 AND export_id = $2 AND attempt < $3 LIMIT ${deletedAtOnce})`,
      [tenantId, exportId, attempt],
    );
    return gone === deletedAtOnce;
  }
}
