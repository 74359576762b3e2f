import { deriveKey, bytesToUuid, keyIdOf, open, type Place, seal } from '../envelope.ts';
import type { MasterKey } from './master-key.ts';

/** What the header of a value names that was wrapped before the master key had versions. */
export const unversionedMaster = '00000000-0000-0000-0000-000000000000';

/** A master key that the settings hold: 32 bytes. Wraps in the form of every sealed value. */
export class LocalMasterKey implements MasterKey {
  readonly id: string;
  readonly name: string;

  constructor(readonly bytes: Buffer) {
    this.id = bytesToUuid(deriveKey(bytes, 'master-key-id').subarray(0, 16));
    this.name = `local ${this.id.slice(0, 8)}`;
  }

  wrap(place: Place, clear: Buffer): Promise<Buffer> {
    return Promise.resolve(seal({ id: this.id, tenantId: place.tenantId, bytes: this.bytes }, place, clear));
  }

  async unwrap(place: Place, wrapped: Buffer): Promise<Buffer> {
    const named = keyIdOf(wrapped);
    return open({ id: named === unversionedMaster ? named : this.id, tenantId: place.tenantId, bytes: this.bytes }, place, wrapped);
  }
}
