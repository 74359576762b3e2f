import { Injectable } from '@nestjs/common';
import { bytesToUuid, CannotDecrypt } from '../envelope.ts';
import { KeyRing } from '../key-ring.ts';
import { type KeyKind, Keystore, type KeyState } from '../keystore.ts';
import { MasterKeys } from '../master/master-keys.ts';
import { type KeyJob, latestKeyJobs } from './key-jobs.ts';
import { KeyRotation, mastersOwnPlace } from './key-rotation.ts';
import { countKeys, keysAfter, mastersOwn, retireVersions, settledVersions, statesOf } from './key-version-rows.ts';
import { Reencryption } from './reencryption.ts';

/** Keys that are looked at in one round trip. */
const pageKeys = 500;
/** Rows of a column whose headers are looked at when not all are. */
const sampleRows = 1_000;
/** Jobs that are shown. */
const shownJobs = 20;

/** How many keys there are of one kind and state, and what wraps them. */
export interface KeyCount {
  level: KeyKind | 'signing' | 'secret';
  state: KeyState;
  wrappedBy: string;
  keys: number;
}

/** What was checked, and what is wrong, one sentence each. */
export interface Verified {
  keys: number;
  rows: number;
  problems: string[];
}

/** What operators ask about keys, and the end of old versions. */
@Injectable()
export class KeyCare {
  constructor(
    private readonly keystore: Keystore,
    private readonly masters: MasterKeys,
    private readonly keyRing: KeyRing,
    private readonly rotation: KeyRotation,
    private readonly reencryption: Reencryption,
  ) {}

  /** Counts of keys by level, state and what wraps them, and the latest jobs. */
  async status(): Promise<{ counts: KeyCount[]; jobs: KeyJob[] }> {
    const counts = new Map<string, KeyCount>();
    const add = (level: KeyCount['level'], state: KeyState, wrappedBy: string, keys: number) => {
      const name = [level, state, wrappedBy].join('|');
      const entry = counts.get(name) ?? { level, state, wrappedBy, keys: 0 };
      entry.keys += keys;
      counts.set(name, entry);
    };
    for await (const tenantId of this.rotation.holders()) {
      for (const { kind, state, wrappedBy, keys } of await this.keystore.forTenant(tenantId, (tx) => countKeys(tx, tenantId)))
        add(kind, state, kind === 'tenant' ? this.masters.nameOf(bytesToUuid(wrappedBy)) : "tenants' keys", keys);
    }
    for (const { table, wrapped } of await this.keystore.forAll(mastersOwn))
      add(table === 'signing_keys' ? 'signing' : 'secret', 'current', this.masters.nameOf(bytesToUuid(wrapped.subarray(1, 17))), 1);
    return { counts: [...counts.values()], jobs: await this.keystore.forAll((tx) => latestKeyJobs(tx, shownJobs)) };
  }

  /**
   * Opens every wrapped key, and looks whether the keys that stored content names are there and not retired: of the first thousand rows of
   * each column, or of all. Opens no content.
   */
  async verify(
    options: { tenantId?: string | undefined; all?: boolean | undefined },
    onProgress: (soFar: Verified) => void = () => undefined,
  ) {
    const result: Verified = { keys: 0, rows: 0, problems: [] };
    const tenants = options.tenantId === undefined ? this.rotation.holders() : [options.tenantId];
    for await (const tenantId of tenants) {
      for (const kind of ['tenant', 'visitor'] as const) await this.verifyKeys(tenantId, kind, result);
      await this.verifyRows(tenantId, options.all === true ? Number.POSITIVE_INFINITY : sampleRows, result);
      onProgress(result);
    }
    for (const { table, name, wrapped } of await this.keystore.forAll(mastersOwn)) {
      result.keys += 1;
      await this.masters.unwrap(mastersOwnPlace(table, name), wrapped).catch((error: unknown) => {
        if (!(error instanceof CannotDecrypt)) throw error;
        result.problems.push(`${table} ${name} does not open: ${error.message}`);
      });
    }
    return result;
  }

  /**
   * Retires the old versions of a tenant and its visitors that nothing needs any more. `settledMs`: how long ago a version must have been
   * superseded, so that no work that began with it is under way. Gives how many were retired, and how many content still names.
   */
  async retire(tenantId: string, settledMs: number): Promise<{ retired: number; inUse: number }> {
    // Before what they seal is looked at: nothing is sealed with a version that was superseded so long ago.
    const settled = await this.keystore.forTenant(tenantId, (tx) => settledVersions(tx, tenantId, settledMs));
    const used = new Set((await this.reencryption.keysInUse(tenantId)).map(({ keyId }) => keyId));
    const free = settled.filter(({ id }) => !used.has(id)).map(({ id }) => id);
    return { retired: await this.end(tenantId, free), inUse: settled.length - free.length };
  }

  /** Retires one old version though content may need it: that content stays closed. Gives whether there was such a version. */
  async retireAnyway(tenantId: string, versionId: string): Promise<boolean> {
    return (await this.end(tenantId, [versionId])) > 0;
  }

  private async end(tenantId: string, ids: string[]): Promise<number> {
    if (ids.length === 0) return 0;
    const retired = await this.keystore.forTenant(tenantId, (tx) => retireVersions(tx, tenantId, ids));
    this.keyRing.changed(tenantId, null);
    return retired.length;
  }

  private async verifyKeys(tenantId: string, kind: KeyKind, result: Verified): Promise<void> {
    for (let after: string | undefined; ;) {
      const page = await this.keystore.forTenant(tenantId, (tx) => keysAfter(tx, tenantId, kind, after, pageKeys));
      const opened = await this.keyRing.unwrapStored(tenantId, page);
      result.keys += page.length;
      for (const { id, state } of page)
        if (state !== 'retired' && typeof opened.get(id) !== 'object') result.problems.push(`the ${kind} key ${id} does not open`);
      if (page.length < pageKeys) return;
      after = page.at(-1)?.id;
    }
  }

  private async verifyRows(tenantId: string, most: number, result: Verified): Promise<void> {
    const used = await this.reencryption.keysInUse(tenantId, most);
    const states = new Map<string, KeyState>();
    const ids = [...new Set(used.map(({ keyId }) => keyId).filter((id) => id !== 'no key'))];
    for (let at = 0; at < ids.length; at += pageKeys) {
      const found = await this.keystore.forTenant(tenantId, (tx) => statesOf(tx, tenantId, ids.slice(at, at + pageKeys)));
      for (const { id, state } of found) states.set(id, state);
    }
    for (const { column, keyId, rows } of used) {
      result.rows += rows;
      const state = states.get(keyId);
      if (state === undefined) result.problems.push(`${rows} of ${column} of tenant ${tenantId} name ${keyId}, which is not there`);
      if (state === 'retired') result.problems.push(`${rows} of ${column} of tenant ${tenantId} name ${keyId}, which is retired`);
    }
  }
}
