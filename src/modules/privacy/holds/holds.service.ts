import { Injectable } from '@nestjs/common';
import { type IdKind, newUuid, publicId, uuidOf } from '../../../kernel/ids.ts';
import type { Principal } from '../../../kernel/principal.ts';
import { actorId, actorOf, auditTrail } from '../../../platform/audit/index.ts';
import { TenantDatabase } from '../../../platform/database/index.ts';
import { type PageQuery, toPage } from '../../../platform/http/index.ts';
import { privacyErrors } from '../privacy.errors.ts';
import { type HoldRow, HoldsRepository } from './holds.repository.ts';
import type { PlaceHold } from './holds.schemas.ts';

/** Places and lifts legal holds. */
@Injectable()
export class Holds {
  constructor(
    private readonly database: TenantDatabase,
    private readonly holds: HoldsRepository,
  ) {}

  /** Holds something from now on. Throws 422 `nothing_to_hold`, also for what an erasure or deletion has been promised of already. */
  async place(caller: Principal, body: PlaceHold) {
    const { tenantId } = caller;
    const { kind, reason_code: reasonCode, until: endsAt } = body;
    const objectId = kind === 'tenant' ? tenantId : uuidOf(kind satisfies IdKind, body.object_id ?? '');
    if (objectId === undefined) throw privacyErrors.nothingToHold();
    const actor = actorOf(caller);
    const id = newUuid();
    const stored = await this.database.forTenant(tenantId, async (tx) => {
      if (!(await this.holds.has(tx, tenantId, kind, objectId))) throw privacyErrors.nothingToHold();
      if (await this.holds.isBeingErased(tx, tenantId, objectId)) throw privacyErrors.nothingToHold();
      await this.holds.insert(tx, tenantId, { id, kind, objectId, reasonCode, placedBy: actorId(actor) ?? '', endsAt });
      const detail = { held: kind, held_id: publicId(kind, objectId), reason: reasonCode };
      const object = { kind: 'legal_hold', id: publicId('legalHold', id) } as const;
      auditTrail.record(tx, tenantId, { actor, action: 'legal_hold.place', object, detail });
      return this.holds.byId(tx, tenantId, id);
    });
    return present(found(stored));
  }

  /** A page of holds, newest first, those that are over too. */
  async list({ tenantId }: Principal, query: PageQuery) {
    const after = query.after === undefined ? undefined : holdUuid(query.after);
    const stored = await this.database.forTenant(tenantId, (tx) => this.holds.page(tx, tenantId, query.limit + 1, after));
    return toPage(stored, query.limit, present);
  }

  /** Lifts a hold; it stays in the list. Doing it twice changes nothing. Throws 404. */
  async lift(caller: Principal, id: string): Promise<void> {
    const { tenantId } = caller;
    const uuid = holdUuid(id);
    await this.database.forTenant(tenantId, async (tx) => {
      const hold = found(await this.holds.byId(tx, tenantId, uuid));
      if (!(await this.holds.lift(tx, tenantId, uuid))) return;
      const object = { kind: 'legal_hold', id: publicId('legalHold', uuid) } as const;
      const detail = { held: hold.kind, held_id: publicId(hold.kind, hold.objectId), reason: hold.reasonCode };
      auditTrail.record(tx, tenantId, { actor: actorOf(caller), action: 'legal_hold.lift', object, detail });
    });
  }
}

function present(hold: HoldRow) {
  return {
    object: 'legal_hold' as const,
    id: publicId('legalHold', hold.id),
    kind: hold.kind,
    object_id: publicId(hold.kind, hold.objectId),
    reason_code: hold.reasonCode,
    placed_by: hold.placedBy,
    placed_at: hold.placedAt.toISOString(),
    until: hold.endsAt?.toISOString() ?? null,
    lifted_at: hold.liftedAt?.toISOString() ?? null,
    in_force: hold.inForce,
  };
}

function holdUuid(id: string): string {
  const uuid = uuidOf('legalHold', id);
  if (uuid === undefined) throw privacyErrors.holdNotFound();
  return uuid;
}

function found(hold: HoldRow | undefined): HoldRow {
  if (hold === undefined) throw privacyErrors.holdNotFound();
  return hold;
}
