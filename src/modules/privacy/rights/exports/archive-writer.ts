import { newUuid } from '../../../../kernel/ids.ts';
import { seal } from '../../../../platform/crypto/index.ts';
import { TenantDatabase } from '../../../../platform/database/index.ts';
import { type ExportKeys, partPlace } from './export-keys.ts';
import type { ExportPartsRepository } from './export-parts.repository.ts';
import type { ExportRow, ExportsRepository, Progress } from './exports.repository.ts';

/** Bytes of an archive in one row. Whoever encrypts anew reads fifty rows at a time. */
const partBytes = 256 * 1024;

/** Another attempt has begun, or the export was taken away: this one has nothing to do any more. */
export class Overtaken extends Error {
  override name = 'Overtaken';
}

/** The archive is larger than it may be. */
export class ArchiveTooLarge extends Error {
  override name = 'ArchiveTooLarge';
}

/** Stores the bytes of one attempt, part by part, each sealed, and only while the attempt is the latest. */
export class ArchiveWriter {
  private readonly waiting: Uint8Array[] = [];
  private waitingBytes = 0;
  private position = 0;
  private readonly soFar: Progress = { records: 0, bytes: 0 };

  constructor(
    private readonly database: TenantDatabase,
    private readonly stored: { exports: ExportsRepository; parts: ExportPartsRepository; keys: ExportKeys },
    private readonly tenantId: string,
    private readonly made: ExportRow,
    private readonly maxBytes: number,
  ) {}

  get progress(): Progress {
    return { ...this.soFar };
  }

  /** Counts a record that has been read. */
  countRecord(): void {
    this.soFar.records += 1;
  }

  /** Takes bytes. Throws Overtaken and ArchiveTooLarge. */
  async write(bytes: Uint8Array): Promise<void> {
    this.soFar.bytes += bytes.length;
    if (this.soFar.bytes > this.maxBytes) throw new ArchiveTooLarge();
    // A copy: whoever hands them in may use the memory again.
    this.waiting.push(Uint8Array.from(bytes));
    this.waitingBytes += bytes.length;
    if (this.waitingBytes >= partBytes) await this.flush();
  }

  /** Stores what waits. Throws Overtaken. */
  async flush(): Promise<void> {
    if (this.waitingBytes === 0) return;
    const all = Buffer.concat(this.waiting);
    this.waiting.length = 0;
    this.waitingBytes = 0;
    for (let at = 0; at < all.length; at += partBytes) await this.store(all.subarray(at, at + partBytes));
  }

  /** Says how far it is. Throws Overtaken. */
  async report(): Promise<void> {
    const won = await this.database.forTenant(this.tenantId, (tx) =>
      this.stored.exports.progress(tx, this.tenantId, this.made, this.soFar),
    );
    if (!won) throw new Overtaken();
  }

  private async store(clear: Buffer): Promise<void> {
    const id = newUuid();
    const content = seal(await this.stored.keys.key(this.tenantId, this.made), partPlace(this.tenantId, id), clear);
    const part = { id, exportId: this.made.id, attempt: this.made.attempt, position: this.position, content };
    await this.database.forTenant(this.tenantId, async (tx) => {
      // Holds the export until the part is in: nobody begins anew, or deletes, in between.
      if (!(await this.stored.exports.progress(tx, this.tenantId, this.made, this.soFar))) throw new Overtaken();
      await this.stored.parts.insert(tx, this.tenantId, part);
    });
    this.position += 1;
  }
}
