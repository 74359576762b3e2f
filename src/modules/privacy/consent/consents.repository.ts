import { Injectable } from '@nestjs/common';
import { changed, row, rows, type Transaction } from '../../../platform/database/index.ts';
import type { ConsentPurpose, ConsentSource } from './consent.schemas.ts';

/** What a visitor last said about one purpose; `evidence` is ciphertext. */
export interface ConsentRow {
  id: string;
  purpose: ConsentPurpose;
  given: boolean;
  source: ConsentSource;
  evidence: Buffer | null;
  decidedAt: Date;
}

/** Consents in Postgres. */
@Injectable()
export class ConsentsRepository {
  of(tx: Transaction, tenantId: string, visitorId: string): Promise<ConsentRow[]> {
    return rows<ConsentRow>(
      tx,
      `SELECT id, purpose, given, source, evidence, decided_at AS "decidedAt" FROM visitor_consents WHERE tenant_id = $1 AND visitor_id = $2`,
      [tenantId, visitorId],
    );
  }

  /** Puts this in place of what was said before; the id is a new one, since ciphertext is bound to it. */
  async put(tx: Transaction, tenantId: string, visitorId: string, consent: Omit<ConsentRow, 'decidedAt'>): Promise<void> {
    const { id, purpose, given, source, evidence } = consent;
    await changed(
      tx,
      `INSERT INTO visitor_consents (tenant_id, id, visitor_id, purpose, given, source, evidence) VALUES ($1, $2, $3, $4, $5, $6, $7)
       ON CONFLICT (tenant_id, visitor_id, purpose) DO UPDATE SET id = $2, given = $5, source = $6, evidence = $7, decided_at = now()`,
      [tenantId, id, visitorId, purpose, given, source, evidence],
    );
  }

  async given(tx: Transaction, tenantId: string, visitorId: string, purpose: ConsentPurpose): Promise<boolean> {
    const sql = 'SELECT given FROM visitor_consents WHERE tenant_id = $1 AND visitor_id = $2 AND purpose = $3';
    return (await row<{ given: boolean }>(tx, sql, [tenantId, visitorId, purpose]))?.given === true;
  }
}
