import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto';

/**
 * Stored form of one encrypted value: version (1 byte), key id (16), nonce (12), ciphertext, tag (16).
 * AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce; the additional data binds the value to its place.
 */
const version = 1;
const headerLength = 1 + 16 + 12;
const tagLength = 16;

/** Where a value is stored. A ciphertext moved to another place does not open. */
export interface Place {
  tenantId: string;
  table: string;
  column: string;
  rowId: string;
}

/** A key with its id, unwrapped, in memory only. */
export interface ContentKey {
  id: string;
  tenantId: string;
  bytes: Buffer;
}

/** A ciphertext that is damaged, was moved, or belongs to another key. Says no more than that. */
export class CannotDecrypt extends Error {
  constructor(message = 'This value cannot be decrypted in this place.') {
    super(message);
    this.name = 'CannotDecrypt';
  }
}

/** A ciphertext under a key version that an operator has retired: it is there, and stays closed. */
export class KeyRetired extends CannotDecrypt {
  constructor() {
    super('The key version of this value has been retired.');
    this.name = 'KeyRetired';
  }
}

function additionalData(place: Place): Buffer {
  return Buffer.from(`${place.tenantId}|${place.table}|${place.column}|${place.rowId}`);
}

/** Encrypts `plaintext` for one place. */
export function seal(key: ContentKey, place: Place, plaintext: Buffer | string): Buffer {
  if (key.tenantId !== place.tenantId) throw new CannotDecrypt();
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', keyObjectOf(key.bytes), nonce);
  cipher.setAAD(additionalData(place));
  const body = cipher.update(plaintext as string, 'utf8');
  const last = cipher.final();
  return Buffer.concat([Buffer.from([version]), uuidToBytes(key.id), nonce, body, last, cipher.getAuthTag()]);
}

/** Decrypts what `seal` made for the same place. Throws CannotDecrypt for anything else. */
export function open(key: ContentKey, place: Place, sealed: Buffer): Buffer {
  if (key.tenantId !== place.tenantId || keyIdOf(sealed) !== key.id) throw new CannotDecrypt();
  const decipher = createDecipheriv('aes-256-gcm', keyObjectOf(key.bytes), sealed.subarray(17, headerLength));
  decipher.setAAD(additionalData(place));
  decipher.setAuthTag(sealed.subarray(sealed.length - tagLength));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(headerLength, sealed.length - tagLength)), decipher.final()]);
  } catch {
    throw new CannotDecrypt();
  }
}

/** Id of the key that a stored value was encrypted with. Throws CannotDecrypt when it is no stored value. */
export function keyIdOf(sealed: Buffer): string {
  if (sealed.length < headerLength + tagLength || sealed[0] !== version) throw new CannotDecrypt();
  return bytesToUuid(sealed.subarray(1, 17));
}

/** Id of the key that a wrapped key names as the one that wrapped it, whatever the form of the rest. Throws CannotDecrypt when there is none. */
export function wrappingIdOf(wrapped: Buffer): string {
  if (wrapped.length < headerLength + tagLength) throw new CannotDecrypt();
  return bytesToUuid(wrapped.subarray(1, 17));
}

/** A key for one purpose out of another key (HKDF-SHA256, RFC 5869). */
export function deriveKey(from: Buffer, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', from, Buffer.alloc(0), purpose, 32));
}

const keyObjects = new WeakMap<Buffer, KeyObject>();

/** A key's bytes as Node wants them: making the object costs four times what encrypting a message does (Node 24). */
function keyObjectOf(bytes: Buffer): KeyObject {
  let key = keyObjects.get(bytes);
  if (key === undefined) {
    key = createSecretKey(bytes);
    keyObjects.set(bytes, key);
  }
  return key;
}

/** UUID text to its 16 bytes. */
export function uuidToBytes(uuid: string): Buffer {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex');
}

/** 16 bytes to UUID text. */
export function bytesToUuid(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
