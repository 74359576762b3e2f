import { Inject, Injectable } from '@nestjs/common';
import type { z } from 'zod';
import { clock, currentDate } from '../../../../kernel/clock.ts';
import { publicId } from '../../../../kernel/ids.ts';
import { auditTrail } from '../../../../platform/audit/index.ts';
import { CannotDecrypt, SubjectErased } from '../../../../platform/crypto/index.ts';
import { TenantDatabase } from '../../../../platform/database/index.ts';
import { onEvent } from '../../../../platform/events/index.ts';
import { type DataSubject, type ExportedRecord, PersonalDataRegistry } from '../../../../platform/personal-data/index.ts';
import { Handles, type JobHandler } from '../../../../platform/queue/index.ts';
import { type PrivacyConfig, privacyConfig } from '../../privacy.config.ts';
import { ArchiveTooLarge, ArchiveWriter, Overtaken } from './archive-writer.ts';
import { writeArchive } from './export-archive.ts';
import { exportPlace } from './export-keys.ts';
import { ExportStorage } from './export-storage.ts';
import type { ExportFailure } from './exports.errors.ts';
import { exportRequested } from './exports.events.ts';
import type { ExportRow } from './exports.repository.ts';
import { auditedObject, subjectOf } from './exports.service.ts';

/** Makes the archive that was asked for. */
export const makeExport = onEvent(exportRequested, 'make-export');

/** Attempts of one export. */
const maxAttempts = 5;
/** Archives that one replica makes at a time: other jobs, erasures among them, must have their turn. The sweep hands on those that wait. */
const atOnce = 2;
/** Time between two reports of progress, in milliseconds. */
const reportMs = 1_000;
const hourMs = 3_600_000;

/**
 * Makes an archive out of what all holders have. An attempt that ends half-way is made anew from the beginning: what it has left is deleted,
 * and cannot be mixed with what the next one stores.
 */
@Injectable()
@Handles(makeExport)
export class MakeExport implements JobHandler<z.output<typeof makeExport.payload>> {
  private running = 0;

  constructor(
    private readonly database: TenantDatabase,
    private readonly registry: PersonalDataRegistry,
    private readonly storage: ExportStorage,
    @Inject(privacyConfig.token) private readonly config: PrivacyConfig,
  ) {}

  async handle({ tenantId, exportId }: { tenantId: string; exportId: string }): Promise<void> {
    if (this.running >= atOnce) return;
    this.running += 1;
    try {
      const begun = await this.database.forTenant(tenantId, (tx) => this.storage.exports.begin(tx, tenantId, exportId));
      // Gone with its person, done, or in the hands of somebody else.
      if (begun !== undefined) await this.attempt(tenantId, begun);
    } finally {
      this.running -= 1;
    }
  }

  private async attempt(tenantId: string, begun: ExportRow): Promise<void> {
    try {
      // One that ended with its process has had no chance to say so.
      if (begun.attempt > maxAttempts) return await this.fail(tenantId, begun, 'internal');
      await this.storage.removal.removeParts(tenantId, begun.id, begun.attempt);
      await this.make(tenantId, begun);
    } catch (error) {
      if (error instanceof Overtaken) return;
      if (error instanceof ArchiveTooLarge) return this.fail(tenantId, begun, 'too_large');
      if (error instanceof SubjectErased || error instanceof CannotDecrypt) return this.fail(tenantId, begun, 'erased');
      if (begun.attempt >= maxAttempts) await this.fail(tenantId, begun, 'internal');
      else await this.database.forTenant(tenantId, (tx) => this.storage.exports.release(tx, tenantId, begun));
      throw error;
    }
  }

  private async make(tenantId: string, begun: ExportRow): Promise<void> {
    if (begun.password === null) throw new Error('an export that is not done has no password');
    const password = (await this.storage.keys.open(exportPlace(tenantId, 'password', begun.id), begun.password)).toString();
    const { exports, parts, keys } = this.storage;
    const writer = new ArchiveWriter(this.database, { exports, parts, keys }, tenantId, begun, this.config.exportMaxBytes);
    const facts = {
      tenant: publicId('tenant', tenantId),
      subject: subjectOf(tenantId, begun),
      export: publicId('personalExport', begun.id),
      madeAt: currentDate(),
    };
    await writeArchive(this.counted(this.records(subjectsOf(tenantId, begun)), writer), facts, password, (bytes) => writer.write(bytes));
    await writer.flush();
    await this.finish(tenantId, begun, writer);
  }

  /** Holder by holder, and there person by person, so that a list comes in one piece where it can. */
  private async *records(subjects: DataSubject[]): AsyncGenerator<ExportedRecord> {
    for (const { holder } of this.registry.holders()) for (const subject of subjects) yield* holder.export(subject);
  }

  private async *counted(records: AsyncIterable<ExportedRecord>, writer: ArchiveWriter): AsyncGenerator<ExportedRecord> {
    let reportedAt = clock.now();
    for await (const record of records) {
      writer.countRecord();
      if (clock.now() - reportedAt >= reportMs) {
        await writer.report();
        reportedAt = clock.now();
      }
      yield record;
    }
  }

  private async finish(tenantId: string, begun: ExportRow, writer: ArchiveWriter): Promise<void> {
    const { progress } = writer;
    const finishedAt = currentDate();
    const expiresAt = new Date(finishedAt.getTime() + this.config.exportHours * hourMs);
    await this.database.forTenant(tenantId, async (tx) => {
      if (!(await this.storage.exports.finish(tx, tenantId, begun, { ...progress, finishedAt, expiresAt }))) throw new Overtaken();
      auditTrail.record(tx, tenantId, {
        ...auditedObject(tenantId, begun),
        actor: { kind: 'system', id: 'export' },
        detail: { stage: 'done', export: publicId('personalExport', begun.id), ...progress },
      });
    });
  }

  private async fail(tenantId: string, begun: ExportRow, errorCode: ExportFailure): Promise<void> {
    const { id, attempt } = begun;
    await this.storage.removal.removeParts(tenantId, id, attempt + 1);
    await this.database.forTenant(tenantId, async (tx) => {
      if (!(await this.storage.exports.end(tx, tenantId, id, { state: 'failed', errorCode, attempt }))) return;
      auditTrail.record(tx, tenantId, {
        ...auditedObject(tenantId, begun),
        actor: { kind: 'system', id: 'export' },
        outcome: 'failed',
        detail: { stage: 'failed', export: publicId('personalExport', id), code: errorCode },
      });
    });
  }
}

/** Whose data goes into an export: of a member also what they are as a visitor. */
function subjectsOf(tenantId: string, { kind, visitorId, userId }: ExportRow): DataSubject[] {
  if (kind === 'tenant') return [{ tenantId, kind, id: tenantId }];
  const user: DataSubject[] = userId === null ? [] : [{ tenantId, kind: 'user', id: userId }];
  return visitorId === null ? user : [...user, { tenantId, kind: 'visitor', id: visitorId }];
}
