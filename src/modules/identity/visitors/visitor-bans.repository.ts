import { Injectable } from '@nestjs/common';
import { changed, row, rows, type Transaction } from '../../../platform/database/index.ts';

/** Who is banned. Ids are UUIDs. */
export interface BannedVisitor {
  tenantId: string;
  visitorId: string;
}

/** A ban as stored. */
export interface VisitorBanRow {
  visitorId: string;
  reasonCode: string;
  bannedAt: Date;
}

/** Bans in the database. */
@Injectable()
export class VisitorBansRepository {
  /** Bans a visitor, or changes why. Undefined when the tenant has no such visitor. */
  put(tx: Transaction, tenantId: string, visitorId: string, reasonCode: string): Promise<VisitorBanRow | undefined> {
    return row<VisitorBanRow>(
      tx,
      `INSERT INTO visitor_bans (tenant_id, visitor_id, reason_code)
         SELECT tenant_id, id, $3 FROM visitors WHERE tenant_id = $1 AND id = $2
       ON CONFLICT (tenant_id, visitor_id) DO UPDATE SET reason_code = excluded.reason_code
       RETURNING visitor_id AS "visitorId", reason_code AS "reasonCode", banned_at AS "bannedAt"`,
      [tenantId, visitorId, reasonCode],
    );
  }

  /** Lifts a ban; true when this call did it. */
  async lift(tx: Transaction, tenantId: string, visitorId: string): Promise<boolean> {
    return (await changed(tx, 'DELETE FROM visitor_bans WHERE tenant_id = $1 AND visitor_id = $2', [tenantId, visitorId])) > 0;
  }

  /** Everybody who was banned within the last `seconds`. Runs as the system role. */
  within(tx: Transaction, seconds: number): Promise<BannedVisitor[]> {
    return rows<BannedVisitor>(
      tx,
      'SELECT tenant_id AS "tenantId", visitor_id AS "visitorId" FROM visitor_bans WHERE banned_at > now() - make_interval(secs => $1)',
      [seconds],
    );
  }
}
