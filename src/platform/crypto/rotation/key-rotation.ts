import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { newUuid } from '../../../kernel/ids.ts';
import { CannotDecrypt, type Place, seal } from '../envelope.ts';
import { secretPlace } from '../hash-root.ts';
import { keyLength, KeyRing, wrappedPlace } from '../key-ring.ts';
import { Keystore, noteChange, type WrappedKey } from '../keystore.ts';
import { MasterKeys } from '../master/master-keys.ts';
import { platformTenant } from '../sealed-columns.ts';
import { type KeyJob, saveKeyJob, takeKeyJob } from './key-jobs.ts';
import {
  currentKeysBefore,
  holdersAfter,
  keysAfter,
  keysToRewrap,
  mastersOwn,
  rewrap,
  rewrapMastersOwn,
  supersede,
} from './key-version-rows.ts';

/** Keys that one transaction changes at most: it is over within milliseconds, and nobody waits for it. */
const batch = 200;

/** What became of a rotation. `closed`: ids of keys that did not open, and stay as they are. */
export interface Rotated {
  changed: number;
  closed: string[];
}

/**
 * Changes keys while the server serves. Above the data nothing is encrypted anew: what wraps is changed, and old versions go on opening
 * what they sealed. Everything can be interrupted and begun again.
 */
@Injectable()
export class KeyRotation {
  constructor(
    private readonly keystore: Keystore,
    private readonly masters: MasterKeys,
    private readonly keyRing: KeyRing,
  ) {}

  /** Wraps with the current master key whatever an earlier one wraps: tenants' keys, signing keys, the root of hashes. */
  async master(onProgress: (soFar: Rotated) => void = () => undefined): Promise<Rotated> {
    const result: Rotated = { changed: 0, closed: [] };
    for await (const tenantId of this.holders()) {
      await this.eachKey(tenantId, async (key) => {
        if (this.masters.isCurrent(key.wrapped)) return;
        const after = await this.rewrapped(wrappedPlace(tenantId, 'tenant', key.id), key.wrapped);
        if (after === undefined) result.closed.push(key.id);
        else if (await this.keystore.forTenant(tenantId, (tx) => rewrap(tx, tenantId, key.id, key.wrapped, after))) result.changed += 1;
      });
      onProgress(result);
    }
    for (const { table, name, wrapped } of await this.keystore.forAll(mastersOwn)) {
      if (this.masters.isCurrent(wrapped)) continue;
      const after = await this.rewrapped(mastersOwnPlace(table, name), wrapped);
      if (after === undefined) result.closed.push(`${table}/${name}`);
      else if (await this.keystore.forAll((tx) => rewrapMastersOwn(tx, table, name, wrapped, after))) result.changed += 1;
    }
    return result;
  }

  /** Gives a tenant a new version of its key, and wraps its visitors' keys with it. Gives how many those were. */
  async tenant(tenantId: string): Promise<Rotated> {
    const current = await this.keyRing.tenantKey(tenantId);
    const id = newUuid();
    const wrapped = await this.masters.wrap(wrappedPlace(tenantId, 'tenant', id), randomBytes(keyLength));
    await this.keystore.forTenant(tenantId, async (tx) => {
      const done = await supersede(
        tx,
        tenantId,
        { id: current.id, kind: 'tenant', subjectId: tenantId },
        { id, wrapped, wrappedBy: undefined },
      );
      // When somebody else was faster, theirs is as new.
      if (done) await noteChange(tx, { tenantId, subjectId: tenantId });
    });
    this.keyRing.changed(tenantId, tenantId);
    return this.rewrapVisitors(tenantId);
  }

  /** Wraps with the tenant's current key whatever visitors' keys an earlier version wraps. */
  async rewrapVisitors(tenantId: string): Promise<Rotated> {
    const result: Rotated = { changed: 0, closed: [] };
    const wrapping = await this.keyRing.tenantKey(tenantId);
    for (let after: string | undefined; ;) {
      const page = await this.keystore.forTenant(tenantId, (tx) => keysToRewrap(tx, tenantId, wrapping.id, after, batch));
      const keys = await this.keyRing.unwrapStored(tenantId, page);
      await this.keystore.forTenant(tenantId, (tx) =>
        Promise.all(
          page.map(async ({ id, wrapped }) => {
            const key = keys.get(id);
            if (typeof key !== 'object') return result.closed.push(id);
            const fresh = seal(wrapping, wrappedPlace(tenantId, 'visitor', id), key.bytes);
            if (await rewrap(tx, tenantId, id, wrapped, fresh)) result.changed += 1;
            return undefined;
          }),
        ),
      );
      if (page.length < batch) return result;
      after = page.at(-1)?.id;
    }
  }

  /** Gives every visitor of a tenant a new version of their key. Goes on where an interrupted rotation stopped. */
  async visitors(tenantId: string, onProgress: (job: KeyJob) => void = () => undefined): Promise<KeyJob> {
    const job = await this.keystore.forAll((tx) => takeKeyJob(tx, newUuid(), 'rotate-visitors', tenantId));
    for (;;) {
      const page = await this.keystore.forTenant(tenantId, (tx) =>
        currentKeysBefore(tx, tenantId, job.startedAt, job.after ?? undefined, batch),
      );
      const wrapping = await this.keyRing.tenantKey(tenantId);
      const done = await this.keystore.forTenant(tenantId, async (tx) => {
        const outcomes = await Promise.all(
          page.map((key) => {
            const id = newUuid();
            const wrapped = seal(wrapping, wrappedPlace(tenantId, 'visitor', id), randomBytes(keyLength));
            return supersede(tx, tenantId, key, { id, wrapped, wrappedBy: wrapping.id });
          }),
        );
        if (page.length > 0) await noteChange(tx, { tenantId, subjectId: null });
        return outcomes.filter((won) => won).length;
      });
      this.keyRing.changed(tenantId, null);
      const last = page.length < batch;
      Object.assign(job, {
        seen: job.seen + page.length,
        changed: job.changed + done,
        after: page.at(-1)?.id ?? job.after,
        state: last ? 'done' : 'running',
      });
      await this.keystore.forAll((tx) => saveKeyJob(tx, job));
      onProgress(job);
      if (last) return job;
    }
  }

  /** Every tenant that has keys, and the platform where it does. */
  async *holders(): AsyncGenerator<string> {
    for (let after: string | undefined; ;) {
      const page = await this.keystore.forAll((tx) => holdersAfter(tx, after, batch));
      yield* page;
      if (page.length < batch) return;
      after = page.at(-1);
    }
  }

  private async eachKey(tenantId: string, work: (key: WrappedKey) => Promise<void>): Promise<void> {
    for (let after: string | undefined; ;) {
      const page = await this.keystore.forTenant(tenantId, (tx) => keysAfter(tx, tenantId, 'tenant', after, batch));
      for (const key of page) await work(key);
      if (page.length < batch) return;
      after = page.at(-1)?.id;
    }
  }

  private async rewrapped(place: Place, wrapped: Buffer): Promise<Buffer | undefined> {
    try {
      return await this.masters.wrap(place, await this.masters.unwrap(place, wrapped));
    } catch (error) {
      if (error instanceof CannotDecrypt) return undefined;
      throw error;
    }
  }
}

/** Where a secret directly under the master key is stored, as the additional data of its encryption. */
export function mastersOwnPlace(table: 'signing_keys' | 'master_secrets', name: string): Place {
  return table === 'master_secrets' ? secretPlace(name) : { tenantId: platformTenant, table, column: 'wrapped_private_key', rowId: name };
}
