import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import { CannotDecrypt, type ContentKey, deriveKey, type KeyVersions } from '../../../platform/crypto/index.ts';

const tagLength = 16;

/** Which batch of which log. */
export interface BatchPlace {
  turnId: string;
  attempt: number;
  epoch: number;
  /** Sequence number of the first chunk. */
  first: number;
}

/**
 * Encrypts the batches of a turn's log (AES-256-GCM). The key is derived per (turn, attempt, epoch), and the nonce is the
 * batch's first sequence number: within one attempt and epoch a number is used for one batch only, since a batch that must
 * be written again is written as the same bytes.
 */
export class LogCipher {
  private readonly keys = new Map<string, KeyObject>();
  /** The key that was used last: a producer uses but one. */
  private last: (Omit<BatchPlace, 'first'> & { key: KeyObject }) | undefined;
  private versions: KeyVersions;

  /** Seals with the first version of the visitor's key; a log may have been begun with an older one. */
  constructor(...versions: KeyVersions) {
    this.versions = versions;
  }

  /** Opens with these versions from now on. */
  renew(versions: KeyVersions): void {
    this.versions = versions;
    this.last = undefined;
  }

  seal(place: BatchPlace, chunks: string[]): Buffer {
    const cipher = createCipheriv('aes-256-gcm', this.keyFor(place), nonceOf(place));
    cipher.setAAD(this.additionalData(place));
    // JSON text holds no line break, so lines separate the chunks.
    const body = cipher.update(chunks.length === 1 ? (chunks[0] as string) : chunks.join('\n'), 'utf8');
    // In this mode all of it has come by now: the end brings nothing but the tag.
    cipher.final();
    const sealed = Buffer.allocUnsafe(body.length + tagLength);
    body.copy(sealed);
    cipher.getAuthTag().copy(sealed, body.length);
    return sealed;
  }

  /** Throws CannotDecrypt for what was not sealed for this place, with no version that is known here. */
  open(place: BatchPlace, sealed: Buffer): string[] {
    for (const version of this.versions) {
      const chunks = this.opened(this.derived(version, place), place, sealed);
      if (chunks !== undefined) return chunks;
    }
    throw new CannotDecrypt();
  }

  private opened(key: KeyObject, place: BatchPlace, sealed: Buffer): string[] | undefined {
    try {
      const decipher = createDecipheriv('aes-256-gcm', key, nonceOf(place));
      decipher.setAAD(this.additionalData(place));
      decipher.setAuthTag(sealed.subarray(sealed.length - 16));
      const text = Buffer.concat([decipher.update(sealed.subarray(0, sealed.length - 16)), decipher.final()]);
      return text.toString('utf8').split('\n');
    } catch {
      return undefined;
    }
  }

  private keyFor({ turnId, attempt, epoch }: BatchPlace): KeyObject {
    const { last } = this;
    if (last !== undefined && last.turnId === turnId && last.attempt === attempt && last.epoch === epoch) return last.key;
    const key = this.derived(this.versions[0], { turnId, attempt, epoch });
    this.last = { turnId, attempt, epoch, key };
    return key;
  }

  private derived(version: ContentKey, { turnId, attempt, epoch }: Omit<BatchPlace, 'first'>): KeyObject {
    const purpose = `turn-log|${turnId}|${attempt}|${epoch}`;
    const name = `${version.id}|${purpose}`;
    let key = this.keys.get(name);
    if (key === undefined) {
      // An object, not its bytes: making it costs more than encrypting a batch.
      key = createSecretKey(deriveKey(version.bytes, purpose));
      this.keys.set(name, key);
    }
    return key;
  }

  private additionalData(place: BatchPlace): Buffer {
    return Buffer.from(`${this.versions[0].tenantId}|${place.turnId}|${place.attempt}|${place.epoch}|${place.first}`);
  }
}

function nonceOf(place: BatchPlace): Buffer {
  const nonce = Buffer.alloc(12);
  // Sequence numbers are far below 2^48.
  nonce.writeUIntBE(place.first, 6, 6);
  return nonce;
}
