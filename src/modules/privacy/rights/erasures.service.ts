import { Injectable } from '@nestjs/common';
import { newUuid, publicId, uuidOf } from '../../../kernel/ids.ts';
import type { Principal } from '../../../kernel/principal.ts';
import { actorId, actorOf, auditTrail } from '../../../platform/audit/index.ts';
import { TenantDatabase } from '../../../platform/database/index.ts';
import { Outbox } from '../../../platform/events/index.ts';
import { type PageQuery, toPage } from '../../../platform/http/index.ts';
import { identityErrors, Members } from '../../identity/index.ts';
import { legalHold, legalHolds } from '../holds/legal-holds.ts';
import { privacyErrors } from '../privacy.errors.ts';
import { erasureRequested } from './erasures.events.ts';
import { type ErasureRow, ErasuresRepository } from './erasures.repository.ts';
import type { ErasePerson } from './erasures.schemas.ts';
import { Subjects } from './subjects.ts';

/** Wishes to be forgotten: taken down, and shown. */
@Injectable()
export class Erasures {
  constructor(
    private readonly database: TenantDatabase,
    private readonly outbox: Outbox,
    private readonly erasures: ErasuresRepository,
    private readonly subjects: Subjects,
    private readonly members: Members,
  ) {}

  /**
   * Takes a wish down; a job does it at once. Whoever asks again before it is done gets the same. Throws 404 for a person who is not there,
   * 409 `legal_hold` and, for a tenant's only owner, `last_owner`.
   */
  async request(caller: Principal, body: ErasePerson) {
    const { tenantId } = caller;
    const person = await this.subjects.person(tenantId, body);
    const all = await this.subjects.alsoKnownAs(person);
    const actor = actorOf(caller);
    const stored = await this.database.forTenant(tenantId, async (tx) => {
      if (!(await this.erasures.lockPerson(tx, person))) throw privacyErrors.visitorNotFound();
      for (const { kind, id } of all)
        if (await legalHolds.covers(tx, tenantId, kind === 'visitor' ? { visitorId: id } : { userId: id })) throw legalHold();
      if (person.kind === 'user' && (await this.members.isLastOwner(tx, tenantId, person.id))) throw identityErrors.lastOwner();
      const id = newUuid();
      const erasure = await this.erasures.insert(tx, person, { id, requestedBy: actorId(actor) ?? '' });
      if (erasure.id !== id) return erasure;
      await this.outbox.publish(tx, erasureRequested, { tenantId, erasureId: id });
      const detail = { stage: 'requested', erasure: publicId('erasure', id) };
      auditTrail.record(tx, tenantId, { actor, action: 'person.erase', object: { kind: person.kind, id: person.id }, detail });
      return erasure;
    });
    return present(stored);
  }

  /** A page of erasures, newest first. */
  async list({ tenantId }: Principal, query: PageQuery) {
    const after = query.after === undefined ? undefined : erasureUuid(query.after);
    const stored = await this.database.forTenant(tenantId, (tx) => this.erasures.page(tx, tenantId, query.limit + 1, after));
    return toPage(stored, query.limit, present);
  }

  /** One erasure. Throws 404. */
  async get({ tenantId }: Principal, id: string) {
    const uuid = erasureUuid(id);
    const stored = await this.database.forTenant(tenantId, (tx) => this.erasures.byId(tx, tenantId, uuid));
    if (stored === undefined) throw privacyErrors.erasureNotFound();
    return present(stored);
  }
}

function present(erasure: ErasureRow) {
  return {
    object: 'erasure' as const,
    id: publicId('erasure', erasure.id),
    subject: { kind: erasure.kind, id: publicId(erasure.kind, erasure.subjectId) },
    state: erasure.state,
    requested_by: erasure.requestedBy,
    deleted: erasure.deleted,
    receipt: erasure.receipt,
    created_at: erasure.createdAt.toISOString(),
    finished_at: erasure.finishedAt?.toISOString() ?? null,
  };
}

function erasureUuid(id: string): string {
  const uuid = uuidOf('erasure', id);
  if (uuid === undefined) throw privacyErrors.erasureNotFound();
  return uuid;
}
