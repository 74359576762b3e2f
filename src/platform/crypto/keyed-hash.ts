import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { type CryptoConfig, cryptoConfig } from './crypto.config.ts';
import { deriveKey } from './envelope.ts';

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
  | 'ticket';

/**
 * HMAC-SHA256 under a key derived from the master key: finds and compares personal values and secrets without storing
 * them. Without the master key a stolen table cannot be searched by guessing.
 */
@Injectable()
export class KeyedHash {
  private readonly keys = new Map<HashPurpose, KeyObject>();

  constructor(@Inject(cryptoConfig.token) private readonly config: CryptoConfig) {}

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
      key = createSecretKey(deriveKey(this.config.masterKey, `keyed-hash:${purpose}`));
      this.keys.set(purpose, key);
    }
    return key;
  }
}
