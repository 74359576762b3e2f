import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable } from '@nestjs/common';
import { newUuid } from '../../../kernel/ids.ts';
import { isDatabaseUnavailable, isDeadlock, SystemDatabase, TenantDatabase, type Transaction } from '../../database/index.ts';
import { CannotDecrypt, seal } from '../envelope.ts';
import { KeyRing } from '../key-ring.ts';
import { type KeyKind, Keystore } from '../keystore.ts';
import { nameOf, platformTenant, type SealedColumn, sealedColumns } from '../sealed-columns.ts';
import { type KeyJob, saveKeyJob, takeKeyJob } from './key-jobs.ts';
import { statesOf } from './key-version-rows.ts';
import { headersAfter, replaceSealed, type SealedHeader, type SealedRow, sealedRows } from './sealed-rows.ts';

/** Rows of which headers are read at once, and rows that one transaction encrypts anew: their locks are held for milliseconds. */
const [pageRows, batchRows] = [1_000, 50];
/** Tries of one batch that meets a deadlock or a lock, and the wait between two in milliseconds. */
const [tries, retryMs] = [5, 200];

type Subjects = Map<string, { kind: KeyKind; subjectId: string; state: string }>;

/** Encrypts stored content anew, under the current versions of its keys, so that old versions may be retired. */
@Injectable()
export class Reencryption {
  constructor(
    private readonly keystore: Keystore,
    private readonly keyRing: KeyRing,
    private readonly tenants: TenantDatabase,
    private readonly system: SystemDatabase,
  ) {}

  /**
   * Goes through everything that a tenant has sealed. An interrupted run is gone on with; running again finds nothing to do. `signal`
   * stops it after the batch that it is at; what comes back then is still `running`.
   */
  async run(tenantId: string, onProgress: (job: KeyJob) => void = () => undefined, signal?: AbortSignal): Promise<KeyJob> {
    const job = await this.keystore.forAll((tx) => takeKeyJob(tx, newUuid(), 'reencrypt', tenantId));
    for (const column of columnsOf(tenantId)) {
      // Columns come in the order of their names.
      if (nameOf(column).localeCompare(job.place) < 0) continue;
      if (nameOf(column) !== job.place) Object.assign(job, { place: nameOf(column), after: null });
      for (let last = false; !last;) {
        if (signal?.aborted === true) return job;
        last = await this.page(tenantId, column, job);
        onProgress(job);
      }
    }
    job.state = 'done';
    await this.keystore.forAll((tx) => saveKeyJob(tx, job));
    return job;
  }

  /** Key ids in the headers of what a tenant has sealed, with how many values of each column name them. At most `most` rows a column. */
  async keysInUse(tenantId: string, most = Number.POSITIVE_INFINITY): Promise<{ column: string; keyId: string; rows: number }[]> {
    const used = new Map<string, { column: string; keyId: string; rows: number }>();
    for (const column of columnsOf(tenantId)) {
      for (let after: string | null = null, seen = 0; seen < most;) {
        const page: SealedHeader[] = await this.tenants.forTenant(tenantId, (tx) => headersAfter(tx, tenantId, column, after, pageRows));
        for (const { keyId } of page) {
          if (keyId === null) continue;
          const name = `${nameOf(column)}|${keyId}`;
          const entry = used.get(name) ?? { column: nameOf(column), keyId, rows: 0 };
          entry.rows += 1;
          used.set(name, entry);
        }
        seen += page.length;
        after = page.at(-1)?.row ?? null;
        if (page.length < pageRows) break;
      }
    }
    return [...used.values()];
  }

  /** One page of one column; gives whether it was the last. */
  private async page(tenantId: string, column: SealedColumn, job: KeyJob): Promise<boolean> {
    const page = await this.tenants.forTenant(tenantId, (tx) => headersAfter(tx, tenantId, column, job.after, pageRows));
    const ids = [...new Set(page.flatMap(({ keyId }) => (keyId === null || keyId === 'no key' ? [] : [keyId])))];
    const states = await this.keystore.forTenant(tenantId, (tx) => statesOf(tx, tenantId, ids));
    const subjects: Subjects = new Map(states.map((state) => [state.id, state]));
    const sealed = page.filter(({ keyId }) => keyId !== null);
    const old = sealed.filter(({ keyId }) => subjects.get(keyId ?? '')?.state === 'old');
    job.unreadable += sealed.filter(({ keyId }) => !['current', 'old'].includes(subjects.get(keyId ?? '')?.state ?? '')).length;
    for (let at = 0; at < old.length; at += batchRows) {
      const { changed, closed } = await this.patiently(() => this.batch(tenantId, column, old.slice(at, at + batchRows), subjects));
      job.changed += changed;
      job.unreadable += closed;
    }
    job.seen += sealed.length;
    job.after = page.at(-1)?.row ?? job.after;
    await this.keystore.forAll((tx) => saveKeyJob(tx, job));
    return page.length < pageRows;
  }

  private async batch(tenantId: string, column: SealedColumn, headers: SealedHeader[], subjects: Subjects) {
    const found = await this.tenants.forTenant(tenantId, (tx) =>
      sealedRows(
        tx,
        tenantId,
        column,
        headers.map(({ row }) => row),
      ),
    );
    const keyOf = new Map(headers.map(({ row, keyId }) => [row, keyId ?? '']));
    const fresh: { before: SealedRow; after: Buffer }[] = [];
    for (const before of found) {
      const after = await this.resealed(tenantId, column, before, subjects.get(keyOf.get(before.row) ?? ''));
      if (after !== undefined) fresh.push({ before, after });
    }
    const replace = (tx: Transaction) => Promise.all(fresh.map(({ before, after }) => replaceSealed(tx, tenantId, column, before, after)));
    // What was changed or deleted meanwhile is under the current key, or gone.
    const outcomes = await (column.platformVersion === undefined
      ? this.tenants.forTenant(tenantId, replace)
      : this.system.run('key-reencrypt', replace));
    return { changed: outcomes.filter((won) => won).length, closed: found.length - fresh.length };
  }

  private async resealed(
    tenantId: string,
    { table, column }: SealedColumn,
    { row, sealed }: SealedRow,
    subject: { kind: KeyKind; subjectId: string } | undefined,
  ): Promise<Buffer | undefined> {
    if (subject === undefined) return undefined;
    const place = { tenantId, table, column, rowId: row };
    try {
      const clear = await this.keyRing.open(place, sealed);
      const key =
        subject.kind === 'tenant' ? await this.keyRing.tenantKey(tenantId) : await this.keyRing.visitorKey(tenantId, subject.subjectId);
      return seal(key, place, clear);
    } catch (error) {
      if (error instanceof CannotDecrypt) return undefined;
      throw error;
    }
  }

  private async patiently<T>(work: () => Promise<T>): Promise<T> {
    for (let left = tries; ; left -= 1) {
      try {
        return await work();
      } catch (error) {
        if (left <= 1 || !(isDeadlock(error) || isDatabaseUnavailable(error))) throw error;
        await sleep(retryMs);
      }
    }
  }
}

function columnsOf(tenantId: string): SealedColumn[] {
  return sealedColumns().filter(({ platformVersion }) => (platformVersion !== undefined) === (tenantId === platformTenant));
}
