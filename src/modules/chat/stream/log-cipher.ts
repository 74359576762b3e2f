import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import { CannotDecrypt, type ContentKey, deriveKey } from '../../../platform/crypto/index.ts';

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

  constructor(private readonly visitorKey: ContentKey) {}

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

  /** Throws CannotDecrypt for what was not sealed for this place. */
  open(place: BatchPlace, sealed: Buffer): string[] {
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.keyFor(place), nonceOf(place));
      decipher.setAAD(this.additionalData(place));
      decipher.setAuthTag(sealed.subarray(sealed.length - 16));
      const text = Buffer.concat([decipher.update(sealed.subarray(0, sealed.length - 16)), decipher.final()]);
      return text.toString('utf8').split('\n');
    } catch {
      throw new CannotDecrypt();
    }
  }

  private keyFor({ turnId, attempt, epoch }: BatchPlace): KeyObject {
    const { last } = this;
    if (last !== undefined && last.turnId === turnId && last.attempt === attempt && last.epoch === epoch) return last.key;
    const purpose = `turn-log|${turnId}|${attempt}|${epoch}`;
    let key = this.keys.get(purpose);
    if (key === undefined) {
      // An object, not its bytes: making it costs more than encrypting a batch.
      key = createSecretKey(deriveKey(this.visitorKey.bytes, purpose));
      this.keys.set(purpose, key);
    }
    this.last = { turnId, attempt, epoch, key };
    return key;
  }

  private additionalData(place: BatchPlace): Buffer {
    return Buffer.from(`${this.visitorKey.tenantId}|${place.turnId}|${place.attempt}|${place.epoch}|${place.first}`);
  }
}

function nonceOf(place: BatchPlace): Buffer {
  const nonce = Buffer.alloc(12);
  // Sequence numbers are far below 2^48.
  nonce.writeUIntBE(place.first, 6, 6);
  return nonce;
}
