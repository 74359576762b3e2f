import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { publicId, uuidOf } from '../../../kernel/ids.ts';
import type { Principal } from '../../../kernel/principal.ts';
import { actorOf, auditTrail } from '../../../platform/audit/index.ts';
import { SystemDatabase, TenantDatabase } from '../../../platform/database/index.ts';
import { ReplicaBus } from '../../../platform/replicas/index.ts';
import { safeError } from '../../../platform/telemetry/index.ts';
import { identityErrors } from '../identity.errors.ts';
import { type BannedVisitor, VisitorBansRepository } from './visitor-bans.repository.ts';
import type { BanVisitor } from './visitor-bans.schemas.ts';
import { Visitors } from './visitors.service.ts';

/** How far back `lookAgain` looks beyond the look before, in seconds: clocks differ, and a transaction that bans takes a moment to commit. */
const lookBackSeconds = 60;

/** Says whether a visitor, by the UUIDs of the tenant and their own, is among those who were banned. */
export type IsBanned = (tenantId: string, visitorId: string) => boolean;

/**
 * Visitors who are not let in any more. Whoever is banned is refused where a visitor is resolved and where a ticket is redeemed; those who are in
 * are thrown out by a hint over the bus, or by the next look at the newest bans, since a hint may be lost.
 */
@Injectable()
export class VisitorBans implements OnModuleInit {
  private readonly logger = new Logger(VisitorBans.name);
  /** Monotonic milliseconds; what was banned before the start is found where visitors come in. */
  private lastLookAt = performance.now();
  private readonly listeners: ((isBanned: IsBanned) => void)[] = [];

  constructor(
    private readonly database: TenantDatabase,
    private readonly system: SystemDatabase,
    private readonly repository: VisitorBansRepository,
    private readonly visitors: Visitors,
    private readonly bus: ReplicaBus,
  ) {}

  onModuleInit(): void {
    // Not awaited: without Redis the start would hang here.
    this.bus
      .onHint('visitor-banned', (banned) => this.tell([banned]))
      .catch((error: unknown) => this.logger.warn({ error: safeError(error) }, 'no hints about banned visitors; they go a little later'));
  }

  /** Calls `listener` soon after visitors were banned anywhere, once or more. */
  onBan(listener: (isBanned: IsBanned) => void): void {
    this.listeners.push(listener);
  }

  /** Bans a visitor, named by the tenant's own id or `vis_…`. Throws 404. */
  async ban(caller: Principal, named: string, body: BanVisitor) {
    const { tenantId } = caller;
    const visitorId = await this.visitorOf(tenantId, named);
    const stored = await this.database.forTenant(tenantId, async (tx) => {
      const ban = await this.repository.put(tx, tenantId, visitorId, body.reason_code);
      if (ban === undefined) throw identityErrors.visitorNotFound();
      const object = { kind: 'visitor', id: visitorId } as const;
      auditTrail.record(tx, tenantId, { actor: actorOf(caller), action: 'visitor.ban', object, detail: { reason: body.reason_code } });
      return ban;
    });
    this.tell([{ tenantId, visitorId }]);
    this.bus.hint({ kind: 'visitor-banned', tenantId, visitorId });
    return {
      object: 'visitor_ban' as const,
      visitor_id: publicId('visitor', stored.visitorId),
      reason_code: stored.reasonCode,
      banned_at: stored.bannedAt.toISOString(),
    };
  }

  /** Lifts a ban. Throws 404 for an unknown visitor; without a ban there is nothing to do. */
  async lift(caller: Principal, named: string): Promise<void> {
    const { tenantId } = caller;
    const visitorId = await this.visitorOf(tenantId, named);
    await this.database.forTenant(tenantId, async (tx) => {
      if (!(await this.repository.lift(tx, tenantId, visitorId))) return;
      auditTrail.record(tx, tenantId, { actor: actorOf(caller), action: 'visitor.unban', object: { kind: 'visitor', id: visitorId } });
    });
  }

  /** Asks Postgres who was banned lately, in one statement for all tenants, and tells the listeners. */
  async lookAgain(): Promise<void> {
    const startedAt = performance.now();
    // Further back where Postgres was away in between.
    const seconds = lookBackSeconds + (startedAt - this.lastLookAt) / 1_000;
    const found = await this.system.run('credential-recheck', (tx) => this.repository.within(tx, seconds));
    this.lastLookAt = startedAt;
    if (found.length > 0) this.tell(found);
  }

  /** All at once: whoever listens goes through all that they hold. */
  private tell(banned: BannedVisitor[]): void {
    const keys = new Set(banned.map(({ tenantId, visitorId }) => `${tenantId}|${visitorId}`));
    const isBanned: IsBanned = (tenantId, visitorId) => keys.has(`${tenantId}|${visitorId}`);
    this.visitors.forgetThose(isBanned);
    for (const listener of this.listeners) listener(isBanned);
  }

  private async visitorOf(tenantId: string, named: string): Promise<string> {
    const known = await this.visitors.find(tenantId, named);
    const id = known ?? uuidOf('visitor', named);
    if (id === undefined || (known === undefined && !(await this.visitors.exists(tenantId, id)))) throw identityErrors.visitorNotFound();
    return id;
  }
}
