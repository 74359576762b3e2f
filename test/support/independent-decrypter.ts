import { createDecipheriv, hkdfSync } from 'node:crypto';

/**
 * Opens stored content from its documented format alone, with none of the server's code: what somebody with a dump, the
 * keystore and the master key can do.
 *
 * Stored value: version 1 (1 byte), key id (16), nonce (12), ciphertext, tag (16); AES-256-GCM; additional data
 * `tenant|table|column|row`. The master key wraps a tenant's key, which wraps the keys of its visitors; each may have several versions,
 * which are keys of their own. A master key's id is the first 16 bytes of HKDF-SHA256(key, "master-key-id"), or 0 in what is older.
 */
export class IndependentDecrypter {
  private readonly masterKey: Buffer;
  private readonly masterIds: string[];
  private readonly wrapped: Map<string, WrappedRow>;

  constructor(masterKey: Buffer, keystore: WrappedRow[]) {
    this.masterKey = masterKey;
    const id = Buffer.from(hkdfSync('sha256', masterKey, Buffer.alloc(0), 'master-key-id', 16));
    this.masterIds = [uuid(id), '00000000-0000-0000-0000-000000000000'];
    this.wrapped = new Map(keystore.map((row) => [row.id, row]));
  }

  /** The clear text of a value that stood at `tenant|table|column|row`; undefined when it does not open. */
  open(place: string, stored: Buffer): string | undefined {
    const key = this.keyOf(uuid(stored.subarray(1, 17)));
    return key === undefined ? undefined : decrypt(key, place, stored)?.toString();
  }

  private keyOf(id: string): Buffer | undefined {
    if (this.masterIds.includes(id)) return this.masterKey;
    const row = this.wrapped.get(id);
    if (row === undefined) return undefined;
    const wrapping = this.keyOf(uuid(row.wrapped.subarray(1, 17)));
    return wrapping === undefined ? undefined : decrypt(wrapping, `${row.tenant_id}|wrapped_keys|${row.kind}|${row.id}`, row.wrapped);
  }
}

/** A row of the keystore. */
export interface WrappedRow {
  tenant_id: string;
  id: string;
  kind: string;
  wrapped: Buffer;
}

function decrypt(key: Buffer, place: string, stored: Buffer): Buffer | undefined {
  if (stored[0] !== 1 || stored.length < 45) return undefined;
  const decipher = createDecipheriv('aes-256-gcm', key, stored.subarray(17, 29));
  decipher.setAAD(Buffer.from(place));
  decipher.setAuthTag(stored.subarray(-16));
  try {
    return Buffer.concat([decipher.update(stored.subarray(29, -16)), decipher.final()]);
  } catch {
    return undefined;
  }
}

function uuid(bytes: Buffer): string {
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
