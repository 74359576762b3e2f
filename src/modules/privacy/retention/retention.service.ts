import { Injectable } from '@nestjs/common';
import { publicId, uuidOf } from '../../../kernel/ids.ts';
import type { Principal } from '../../../kernel/principal.ts';
import { actorOf, auditTrail } from '../../../platform/audit/index.ts';
import { TenantDatabase } from '../../../platform/database/index.ts';
import { privacyErrors } from '../privacy.errors.ts';
import { type BotDays, RetentionRepository, type TenantDays } from './retention.repository.ts';
import type { PutBotRetention, PutRetention } from './retention.schemas.ts';

const forEver: TenantDays = { messages: null, conversations: null, usage: null, audit: null };

/**
 * How long a tenant keeps what. A bot can only keep things for a shorter time: what a tenant promises of itself holds for each of its
 * bots, and the shorter of two times counts, whichever was set last.
 */
@Injectable()
export class RetentionPolicies {
  constructor(
    private readonly database: TenantDatabase,
    private readonly policies: RetentionRepository,
  ) {}

  /** The tenant's policy; everything for ever until it has one. */
  async get({ tenantId }: { tenantId: string }) {
    const stored = await this.database.forTenant(tenantId, (tx) => this.policies.ofTenant(tx, tenantId));
    const { messages, conversations, usage, audit } = stored ?? forEver;
    const last_run_at = stored?.sweptAt?.toISOString() ?? null;
    return { object: 'retention' as const, messages, conversations, usage, audit, last_run_at };
  }

  /** Replaces the tenant's policy. */
  async put(caller: Principal, body: PutRetention) {
    const { tenantId } = caller;
    await this.database.forTenant(tenantId, async (tx) => {
      await this.policies.putForTenant(tx, tenantId, body);
      const object = { kind: 'setting', id: 'retention' } as const;
      auditTrail.record(tx, tenantId, { actor: actorOf(caller), action: 'retention.update', object, detail: daysDetail(body) });
    });
    return this.get(caller);
  }

  /** A bot's policy and what is in force. Throws 404. */
  async getForBot({ tenantId }: Principal, id: string) {
    const botId = botUuid(id);
    const { own, tenant } = await this.database.forTenant(tenantId, async (tx) => {
      if (!(await this.policies.botExists(tx, tenantId, botId))) throw privacyErrors.botNotFound();
      return { own: await this.policies.ofBot(tx, tenantId, botId), tenant: await this.policies.ofTenant(tx, tenantId) };
    });
    const { messages, conversations, usage } = own ?? forEver;
    const days = { messages, conversations, usage };
    return { object: 'bot_retention' as const, bot_id: publicId('bot', botId), ...days, in_force: shorter(days, tenant ?? forEver) };
  }

  /** Replaces a bot's policy. Throws 404. */
  async putForBot(caller: Principal, id: string, body: PutBotRetention) {
    const { tenantId } = caller;
    const botId = botUuid(id);
    await this.database.forTenant(tenantId, async (tx) => {
      if (!(await this.policies.putForBot(tx, tenantId, botId, body))) throw privacyErrors.botNotFound();
      const object = { kind: 'bot', id: botId } as const;
      auditTrail.record(tx, tenantId, { actor: actorOf(caller), action: 'retention.update', object, detail: daysDetail(body) });
    });
    return this.getForBot(caller, id);
  }
}

function shorter(one: BotDays, other: BotDays): BotDays {
  const least = (a: number | null, b: number | null) => (a === null ? b : b === null ? a : Math.min(a, b));
  return {
    messages: least(one.messages, other.messages),
    conversations: least(one.conversations, other.conversations),
    usage: least(one.usage, other.usage),
  };
}

/** For ever is told as 0 days: an entry takes no null. */
function daysDetail(days: Record<string, number | null>): Record<string, number> {
  return Object.fromEntries(Object.entries(days).map(([name, value]) => [name, value ?? 0]));
}

function botUuid(id: string): string {
  const uuid = uuidOf('bot', id);
  if (uuid === undefined) throw privacyErrors.botNotFound();
  return uuid;
}
