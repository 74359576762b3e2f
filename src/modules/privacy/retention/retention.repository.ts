import { Injectable } from '@nestjs/common';
import { changed, row, type Transaction } from '../../../platform/database/index.ts';

/** How long what belongs to bots is kept, in days; null = for ever. */
export interface BotDays {
  messages: number | null;
  conversations: number | null;
  usage: number | null;
}

/** How long everything is kept, in days; null = for ever. */
export interface TenantDays extends BotDays {
  audit: number | null;
}

const botDays = 'messages_days AS messages, conversations_days AS conversations, usage_days AS usage';

/** Retention policies in Postgres. */
@Injectable()
export class RetentionRepository {
  ofTenant(tx: Transaction, tenantId: string): Promise<(TenantDays & { sweptAt: Date | null }) | undefined> {
    return row(tx, `SELECT ${botDays}, audit_days AS audit, swept_at AS "sweptAt" FROM tenant_privacy WHERE tenant_id = $1`, [tenantId]);
  }

  async putForTenant(tx: Transaction, tenantId: string, days: TenantDays): Promise<void> {
    await changed(
      tx,
      `INSERT INTO tenant_privacy (tenant_id, messages_days, conversations_days, usage_days, audit_days) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (tenant_id) DO UPDATE SET messages_days = $2, conversations_days = $3, usage_days = $4, audit_days = $5, updated_at = now()`,
      [tenantId, days.messages, days.conversations, days.usage, days.audit],
    );
  }

  ofBot(tx: Transaction, tenantId: string, botId: string): Promise<BotDays | undefined> {
    return row(tx, `SELECT ${botDays} FROM bot_retention WHERE tenant_id = $1 AND bot_id = $2`, [tenantId, botId]);
  }

  /** False when there is no such bot. The tenant gets a row of its own along: by those the sweep finds who has anything to sweep. */
  async putForBot(tx: Transaction, tenantId: string, botId: string, days: BotDays): Promise<boolean> {
    const count = await changed(
      tx,
      `INSERT INTO bot_retention (tenant_id, bot_id, messages_days, conversations_days, usage_days)
       SELECT tenant_id, id, $3, $4, $5 FROM bots WHERE tenant_id = $1 AND id = $2
       ON CONFLICT (tenant_id, bot_id) DO UPDATE SET messages_days = $3, conversations_days = $4, usage_days = $5, updated_at = now()`,
      [tenantId, botId, days.messages, days.conversations, days.usage],
    );
    if (count > 0) await changed(tx, 'INSERT INTO tenant_privacy (tenant_id) VALUES ($1) ON CONFLICT DO NOTHING', [tenantId]);
    return count > 0;
  }

  async botExists(tx: Transaction, tenantId: string, botId: string): Promise<boolean> {
    return (await row(tx, 'SELECT 1 FROM bots WHERE tenant_id = $1 AND id = $2', [tenantId, botId])) !== undefined;
  }
}
