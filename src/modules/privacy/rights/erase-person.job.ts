import { Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { currentDate } from '../../../kernel/clock.ts';
import { publicId } from '../../../kernel/ids.ts';
import { auditTrail } from '../../../platform/audit/index.ts';
import { TenantDatabase } from '../../../platform/database/index.ts';
import { onEvent } from '../../../platform/events/index.ts';
import type { ErasedRows, Person } from '../../../platform/personal-data/index.ts';
import { Handles, type JobHandler } from '../../../platform/queue/index.ts';
import { Statements } from '../../identity/index.ts';
import { erasureRequested } from './erasures.events.ts';
import { type ErasureRow, ErasuresRepository } from './erasures.repository.ts';
import { added, Forgetting } from './forgetting.ts';
import { Subjects } from './subjects.ts';

/** Erases whoever asked for it. */
export const erasePerson = onEvent(erasureRequested, 'erase-person');

/** Does what was asked for, and signs for it. Doing it twice changes nothing: what an attempt before has deleted is counted with it. */
@Injectable()
@Handles(erasePerson)
export class ErasePersonJob implements JobHandler<z.output<typeof erasePerson.payload>> {
  constructor(
    private readonly database: TenantDatabase,
    private readonly erasures: ErasuresRepository,
    private readonly subjects: Subjects,
    private readonly forgetting: Forgetting,
    private readonly statements: Statements,
  ) {}

  async handle({ tenantId, erasureId }: { tenantId: string; erasureId: string }): Promise<void> {
    const erasure = await this.database.forTenant(tenantId, async (tx) => {
      await this.erasures.begin(tx, tenantId, erasureId);
      return this.erasures.byId(tx, tenantId, erasureId);
    });
    // Gone with its tenant, or done by another attempt.
    if (erasure === undefined || erasure.state === 'done') return;
    const person: Person = { tenantId, kind: erasure.kind, id: erasure.subjectId };
    let deleted: ErasedRows = {};
    // The person last: by them the others are found when this has to be done again.
    for (const each of (await this.subjects.alsoKnownAs(person)).toReversed()) {
      const gone = await this.forgetting.forget(each);
      deleted = await this.database.forTenant(tenantId, (tx) => this.erasures.count(tx, tenantId, erasureId, gone));
    }
    await this.finish(erasure, person, added(deleted, {}));
  }

  private async finish(erasure: ErasureRow, { tenantId, kind, id }: Person, deleted: ErasedRows): Promise<void> {
    const finishedAt = currentDate();
    const receipt = await this.statements.sign('erasure-receipt', tenantId, {
      erasure: publicId('erasure', erasure.id),
      subject: { kind, id: publicId(kind, id) },
      requested_at: erasure.createdAt.toISOString(),
      erased_at: finishedAt.toISOString(),
      keys: 'destroyed',
      deleted,
    });
    await this.database.forTenant(tenantId, async (tx) => {
      if (!(await this.erasures.finish(tx, tenantId, erasure.id, { deleted, receipt, finishedAt }))) return;
      const detail = { stage: 'done', erasure: publicId('erasure', erasure.id), ...deleted };
      const actor = { kind: 'system', id: 'erasure' } as const;
      auditTrail.record(tx, tenantId, { actor, action: 'person.erase', object: { kind, id }, detail });
    });
  }
}
