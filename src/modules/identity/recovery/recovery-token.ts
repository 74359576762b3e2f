import { timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { clock } from '../../../kernel/clock.ts';
import { KeyedHash } from '../../../platform/crypto/index.ts';

/** What a token lets its holder do. */
export type RecoveryKind = 'reset' | 'verify';

/** What a user's tokens depend on: a token ends when something of this changes. */
export interface TokenSubject {
  userId: string;
  emailHash: Buffer;
  passwordHash: Buffer;
  /** Null while it is the one of the sign-up. */
  passwordChangedAt: Date | null;
}

/** How long each is good for, in milliseconds: a reset is wanted now, a mail of welcome may lie over a weekend. */
const lifeMs: Record<RecoveryKind, number> = { reset: 3_600_000, verify: 3 * 86_400_000 };

const prefixes: Record<RecoveryKind, string> = { reset: 'prs_', verify: 'pev_' };
const [idLength, expiryLength, macLength] = [16, 6, 32];

/**
 * Tokens that a mailbox proves itself with. Nothing of them is stored, and no queue ever holds one: a token is the user, an expiry and
 * a keyed hash over both and over what it would change, so a reset is good once, and any other change of the password ends it.
 */
@Injectable()
export class RecoveryTokens {
  constructor(private readonly hash: KeyedHash) {}

  /** A token for `subject`, about 80 characters. */
  issue(kind: RecoveryKind, subject: TokenSubject): string {
    const head = Buffer.alloc(idLength + expiryLength);
    head.write(subject.userId.replaceAll('-', ''), 'hex');
    head.writeUIntBE(clock.now() + lifeMs[kind], idLength, expiryLength);
    return prefixes[kind] + Buffer.concat([head, this.mac(kind, head, subject)]).toString('base64url');
  }

  /** Whose token this says it is (a UUID); undefined when it has not the form of one, or has expired. Proves nothing yet. */
  claimed(kind: RecoveryKind, token: string): string | undefined {
    const bytes = bytesOf(kind, token);
    if (bytes === undefined || bytes.readUIntBE(idLength, expiryLength) <= clock.now()) return undefined;
    const hex = bytes.toString('hex', 0, idLength);
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  }

  /** Whether a token is one for `subject` as they are now. */
  isFor(kind: RecoveryKind, token: string, subject: TokenSubject): boolean {
    const bytes = bytesOf(kind, token);
    if (bytes === undefined || this.claimed(kind, token) !== subject.userId) return false;
    const head = bytes.subarray(0, idLength + expiryLength);
    return timingSafeEqual(bytes.subarray(head.length), this.mac(kind, head, subject));
  }

  private mac(kind: RecoveryKind, head: Buffer, { emailHash, passwordHash, passwordChangedAt }: TokenSubject): Buffer {
    if (kind === 'verify') return this.hash.of('recovery-token', kind, head, emailHash);
    return this.hash.of('recovery-token', kind, head, emailHash, passwordHash, passwordChangedAt?.toISOString() ?? '');
  }
}

function bytesOf(kind: RecoveryKind, token: string): Buffer | undefined {
  const prefix = prefixes[kind];
  if (!token.startsWith(prefix)) return undefined;
  const text = token.slice(prefix.length);
  const bytes = Buffer.from(text, 'base64url');
  // One spelling each: what Node reads leniently is none of ours.
  return bytes.length === idLength + expiryLength + macLength && bytes.toString('base64url') === text ? bytes : undefined;
}
