import { Injectable, Logger } from '@nestjs/common';
import { clock } from '../../kernel/clock.ts';
import { TenantDatabase } from '../database/index.ts';
import { safeError } from '../telemetry/index.ts';
import type { AuditEntry } from './audit-entry.ts';
import { auditTrail } from './audit-trail.ts';

/** Refusals of one tenant that a replica writes in a minute. */
const perTenant = 60;
/** The same refusal of the same caller in a minute. */
const perKind = 3;
/** Tenants that are counted at once; those beyond are not written. */
const maxTenants = 10_000;
/** Writes under way at most. */
const maxWriting = 50;
const windowMs = 60_000;

interface Counted {
  written: number;
  withheld: number;
  byKind: Map<string, number>;
}

/**
 * Entries about what was refused: there is no transaction that they could belong to. Whoever is refused can cause them as often as they like, so only some a
 * minute are written, after the answer; the next one says how many were withheld before it.
 */
@Injectable()
export class AuditRefusals {
  private readonly logger = new Logger(AuditRefusals.name);
  private counted = new Map<string, Counted>();
  private windowEndsAt = 0;
  private writing = 0;

  constructor(private readonly database: TenantDatabase) {}

  /** Writes an entry, or counts it where there were too many. Never throws, and waits for nothing. `tenantId` is a UUID. */
  note(tenantId: string, entry: AuditEntry): void {
    const withheld = this.take(tenantId, entry);
    if (withheld === undefined) return;
    this.writing += 1;
    const detail = withheld === 0 ? entry.detail : { ...entry.detail, withheld };
    this.database
      .forTenant(tenantId, async (tx) => auditTrail.record(tx, tenantId, { ...entry, ...(detail === undefined ? {} : { detail }) }))
      .catch((error: unknown) => this.logger.warn({ error: safeError(error) }, 'a refusal is not in the audit trail'))
      .finally(() => (this.writing -= 1));
  }

  /** How many were withheld before this one; undefined when it is withheld too. */
  private take(tenantId: string, entry: AuditEntry): number | undefined {
    const now = clock.now();
    if (now >= this.windowEndsAt) {
      this.windowEndsAt = now + windowMs;
      for (const [tenant, { withheld }] of this.counted) {
        if (withheld === 0) this.counted.delete(tenant);
        else this.counted.set(tenant, { written: 0, withheld, byKind: new Map() });
      }
    }
    const counted = this.counted.get(tenantId) ?? { written: 0, withheld: 0, byKind: new Map<string, number>() };
    if (!this.counted.has(tenantId)) {
      if (this.counted.size >= maxTenants) return undefined;
      this.counted.set(tenantId, counted);
    }
    const kind = JSON.stringify([entry.actor, entry.action, entry.object]);
    const before = counted.byKind.get(kind) ?? 0;
    if (before >= perKind || counted.written >= perTenant || this.writing >= maxWriting) {
      counted.withheld += 1;
      return undefined;
    }
    const { withheld } = counted;
    counted.byKind.set(kind, before + 1);
    counted.written += 1;
    counted.withheld = 0;
    return withheld;
  }
}
