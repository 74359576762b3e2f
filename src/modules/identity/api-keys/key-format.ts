import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** What a key may be used for: a secret key speaks for a program, a publishable one stands in a web page. */
export type KeyKind = 'secret' | 'publishable';
/** Live and test keys do the same but can be told apart. */
export type KeyMode = 'live' | 'test';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const randomLength = 32;
/** Characters that hold 32 bytes in base 62. */
const bodyLength = 43;
/** Characters that hold a CRC32 in base 62. */
const checksumLength = 6;
const pattern = new RegExp(`^(?:sk|pk)_(?:live|test)_[0-9A-Za-z]{${bodyLength}}[0-9A-Za-z]{${checksumLength}}$`);

function base62(value: bigint, length: number): string {
  let text = '';
  for (let rest = value; rest > 0n; rest /= 62n) text = (alphabet[Number(rest % 62n)] as string) + text;
  return text.padStart(length, '0');
}

function checksumOf(text: string): string {
  return base62(BigInt(crc32(text)), checksumLength);
}

/**
 * A new key: `sk_live_` or the like, 256 random bits in base 62, and a checksum of everything before it, so that a mistyped
 * or made-up key is recognised without a look-up, and secret scanners can be sure of what they found.
 */
export function newKey(kind: KeyKind, mode: KeyMode): string {
  const random = BigInt(`0x${randomBytes(randomLength).toString('hex')}`);
  const unchecked = `${kind === 'secret' ? 'sk' : 'pk'}_${mode}_${base62(random, bodyLength)}`;
  return unchecked + checksumOf(unchecked);
}

/** True when `text` has the form of a key and its checksum is right. */
export function isKeyShaped(text: string): boolean {
  if (!pattern.test(text)) return false;
  return checksumOf(text.slice(0, -checksumLength)) === text.slice(-checksumLength);
}

/** What may be shown of a key for good: its prefix and last four characters. */
export function hintOf(key: string): string {
  return `${key.slice(0, key.lastIndexOf('_') + 1)}…${key.slice(-4)}`;
}
