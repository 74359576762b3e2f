import { Injectable } from '@nestjs/common';
import type { Principal } from '../../../kernel/principal.ts';
import { TenantDatabase } from '../../../platform/database/index.ts';
import { toPage } from '../../../platform/http/index.ts';
import { AuditEventsRepository, type AuditRow } from './audit-events.repository.ts';
import type { AuditQuery } from './audit.schemas.ts';

/** The audit trail, for the tenant's people and programs. */
@Injectable()
export class Audit {
  constructor(
    private readonly database: TenantDatabase,
    private readonly events: AuditEventsRepository,
  ) {}

  /** A page of what matches, newest first. */
  async list({ tenantId }: Principal, { limit, after, from, to, ...filter }: AuditQuery) {
    const times = { from: from === undefined ? undefined : new Date(from), to: to === undefined ? undefined : new Date(to) };
    const before = after === undefined ? undefined : Number(after);
    const found = await this.database.forTenant(tenantId, (tx) =>
      this.events.page(tx, tenantId, { ...filter, ...times }, limit + 1, before),
    );
    return toPage(found, limit, present);
  }
}

function present({ seq, hash, facts }: AuditRow) {
  const { version, tenant, at, actor, action, target, outcome, origin, detail } = facts;
  return {
    object: 'audit_event' as const,
    id: String(seq),
    version,
    tenant,
    at,
    actor,
    action,
    target,
    outcome,
    origin,
    detail,
    hash: hash.toString('hex'),
  };
}
