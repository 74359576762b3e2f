import type { Place } from '../envelope.ts';

/**
 * One version of the master key, wherever it is: here, or in a key management service that it never leaves. What it wraps begins with a
 * byte for its form and the 16 bytes of `id`, so that it can be seen which version opens it.
 */
export interface MasterKey {
  /** A UUID that belongs to the key itself: every replica that has the key gives it the same. */
  readonly id: string;
  /** How operators know it, without a secret. */
  readonly name: string;
  /** Encrypts a few hundred bytes for one place. */
  wrap(place: Place, clear: Buffer): Promise<Buffer>;
  /** Decrypts what `wrap` made for the same place. Throws CannotDecrypt for anything else, and 503 where the key cannot be reached. */
  unwrap(place: Place, wrapped: Buffer): Promise<Buffer>;
}
