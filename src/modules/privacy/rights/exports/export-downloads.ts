import { timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { publicId } from '../../../../kernel/ids.ts';
import { auditTrail } from '../../../../platform/audit/index.ts';
import { CannotDecrypt, KeyedHash } from '../../../../platform/crypto/index.ts';
import { SystemDatabase, TenantDatabase } from '../../../../platform/database/index.ts';
import { partPlace } from './export-keys.ts';
import { ExportStorage } from './export-storage.ts';
import { exportErrors } from './exports.errors.ts';
import type { ExportRow } from './exports.repository.ts';
import { exportUuid } from './exports.service.ts';

/** An archive that is being fetched. */
export interface Download {
  fileName: string;
  bytes: number;
  /** Read as fast as it is taken. Throws when the archive is taken away meanwhile. */
  parts: AsyncGenerator<Buffer>;
}

/** Archives by their links: whoever has a link needs no other credential, so that a browser can follow it. */
@Injectable()
export class ExportDownloads {
  constructor(
    private readonly system: SystemDatabase,
    private readonly database: TenantDatabase,
    private readonly storage: ExportStorage,
    private readonly hash: KeyedHash,
  ) {}

  /** The archive behind a link. Throws the same 404 for whatever is wrong with it. */
  async open(id: string, token: string): Promise<Download> {
    const uuid = exportUuid(id);
    const known = await this.system.run('credential-lookup', (tx) => this.storage.exports.behindLink(tx, uuid));
    if (known === undefined || !timingSafeEqual(known.linkHash, this.hash.of('export-link', uuid, token))) throw exportErrors.notFound();
    const { tenantId } = known;
    const found = await this.database.forTenant(tenantId, async (tx) => {
      const stored = await this.storage.exports.byId(tx, tenantId, uuid);
      if (stored?.state !== 'done') throw exportErrors.notFound();
      auditTrail.record(tx, tenantId, {
        actor: { kind: 'anonymous' },
        action: 'person.export_download',
        object: { kind: 'export', id: publicId('personalExport', uuid) },
        detail: { bytes: stored.bytes },
      });
      return stored;
    });
    const first = await this.part(tenantId, found, 0).catch((error: unknown) => {
      // Erased a moment ago.
      throw error instanceof CannotDecrypt ? exportErrors.notFound() : error;
    });
    if (first === undefined) throw exportErrors.notFound();
    return { fileName: `${publicId('personalExport', uuid)}.zip`, bytes: found.bytes, parts: this.read(tenantId, found, first) };
  }

  private async *read(tenantId: string, stored: ExportRow, first: Buffer): AsyncGenerator<Buffer> {
    yield first;
    for (let [position, left] = [1, stored.bytes - first.length]; left > 0; position += 1) {
      const part = await this.part(tenantId, stored, position);
      if (part === undefined) throw new Error('an archive was taken away while it was fetched');
      left -= part.length;
      yield part;
    }
  }

  private async part(tenantId: string, { id, attempt }: ExportRow, position: number): Promise<Buffer | undefined> {
    const sealed = await this.database.forTenant(tenantId, (tx) =>
      this.storage.parts.at(tx, tenantId, { exportId: id, attempt, position }),
    );
    return sealed === undefined ? undefined : this.storage.keys.open(partPlace(tenantId, sealed.id), sealed.content);
  }
}
