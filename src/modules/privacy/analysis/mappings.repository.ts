import { Injectable } from '@nestjs/common';
import { changed, row, type Transaction } from '../../../platform/database/index.ts';

/** Which placeholders stand for which values, for texts that a tenant has had anonymized. Sealed; it expires. */
@Injectable()
export class MappingsRepository {
  async insert(
    tx: Transaction,
    tenantId: string,
    mapping: { id: string; visitorId: string | null; content: Buffer; expiresAt: Date },
  ): Promise<void> {
    await changed(tx, 'INSERT INTO privacy_mappings (tenant_id, id, visitor_id, content, expires_at) VALUES ($1, $2, $3, $4, $5)', [
      tenantId,
      mapping.id,
      mapping.visitorId,
      mapping.content,
      mapping.expiresAt,
    ]);
  }

  /** The sealed content of a mapping that has not expired at `now`. */
  async find(tx: Transaction, tenantId: string, id: string, now: Date): Promise<Buffer | undefined> {
    const found = await row<{ content: Buffer }>(
      tx,
      'SELECT content FROM privacy_mappings WHERE tenant_id = $1 AND id = $2 AND expires_at > $3',
      [tenantId, id, now],
    );
    return found?.content;
  }
}
