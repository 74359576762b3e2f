import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { HASH_ROOT } from './hash-root.ts';

/** What a keyed hash is for. Hashes of one purpose say nothing about another's. */
export type HashPurpose =
  | 'email'
  | 'password-salt'
  | 'api-key'
  | 'refresh-token'
  | 'visitor-id'
  | 'conversation-client-id'
  | 'message-client-id'
  | 'turn-key'
  | 'idempotency'
  | 'address'
  | 'audit-address'
  | 'tenant-deletion'
  | 'invitation'
  | 'recovery-token'
  | 'session-device'
  | 'second-step'
  | 'recovery-code'
  | 'passkey'
  | 'ticket'
  | 'sign-on'
  | 'identity-subject'
  | 'oauth-client-secret'
  | 'scim'
  | 'oauth-code'
  | 'oauth-refresh-token'
  | 'export-link';

/**
 * HMAC-SHA256 under a key derived from a secret that the master key wraps: finds and compares personal values and secrets
 * without storing them. Without that secret a stolen table cannot be searched by guessing.
 */
@Injectable()
export class KeyedHash {
  private readonly keys = new Map<HashPurpose, KeyObject>();

  /** `root`: see `loadHashRoot`. */
  constructor(@Inject(HASH_ROOT) private readonly root: Buffer) {}

  /** 32 bytes for `parts`; parts are length-prefixed, so that ('ab','c') and ('a','bc') differ. */
  of(purpose: HashPurpose, ...parts: (string | Buffer)[]): Buffer {
    const lengths = parts.map((part) => Buffer.byteLength(part));
    // One piece: each update costs more than the hashing of what is short.
    const all = Buffer.allocUnsafe(lengths.reduce((sum, length) => sum + 4 + length, 0));
    let at = 0;
    for (const [place, part] of parts.entries()) {
      at = all.writeUInt32BE(lengths[place] ?? 0, at);
      at += typeof part === 'string' ? all.write(part, at) : part.copy(all, at);
    }
    return createHmac('sha256', this.keyFor(purpose)).update(all).digest();
  }

  private keyFor(purpose: HashPurpose): KeyObject {
    let key = this.keys.get(purpose);
    if (key === undefined) {
      // The second half of HKDF (RFC 5869, section 2.3) for 32 bytes.
      key = createSecretKey(createHmac('sha256', this.root).update(`keyed-hash:${purpose}\u0001`).digest());
      this.keys.set(purpose, key);
    }
    return key;
  }
}
