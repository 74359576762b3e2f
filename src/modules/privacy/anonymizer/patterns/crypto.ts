import { createHash } from 'node:crypto';
import type { Finding, Recognizer } from '../recognizer.ts';

const base58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
const base58Address = /(?<![A-Za-z0-9])[13LMD][1-9A-HJ-NP-Za-km-z]{25,34}(?![A-Za-z0-9])/g;
const bech32Address = /(?<![A-Za-z0-9])(?:bc1|tb1|ltc1)[ac-hj-np-z02-9]{11,87}(?![A-Za-z0-9])/gi;
const ethereum = /(?<![A-Za-z0-9])0x[0-9a-f]{40}(?![A-Za-z0-9])/gi;

/** Addresses of crypto currencies: base58check (Bitcoin, Litecoin, Dogecoin), Bech32 (BIP 173 and 350) and Ethereum's. */
export const crypto: Recognizer = {
  name: 'crypto',
  kinds: ['CRYPTO'],
  find({ text }) {
    const found: Finding[] = [];
    const add = (pattern: RegExp, isOne: (address: string) => boolean) => {
      for (const { 0: address, index } of text.matchAll(pattern))
        if (isOne(address)) found.push({ kind: 'CRYPTO', start: index, end: index + address.length, confidence: 0.95 });
    };
    add(base58Address, passesBase58Check);
    add(bech32Address, passesBech32Check);
    add(ethereum, () => true);
    return found;
  },
};

/** The last four bytes are the beginning of the doubled SHA-256 of the others. */
function passesBase58Check(address: string): boolean {
  let number = 0n;
  for (const sign of address) number = number * 58n + BigInt(base58.indexOf(sign));
  const bytes = Buffer.from(number.toString(16).padStart(50, '0').slice(-50), 'hex');
  const hash = (data: Buffer) => createHash('sha256').update(data).digest();
  return hash(hash(bytes.subarray(0, 21)))
    .subarray(0, 4)
    .equals(bytes.subarray(21));
}

const bech32Signs = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
const generator = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];

/** The checksum of BIP 173 (1) or BIP 350 (0x2bc830a3). */
function passesBech32Check(address: string): boolean {
  const lower = address.toLowerCase();
  if (lower !== address && address.toUpperCase() !== address) return false;
  const at = lower.lastIndexOf('1');
  const prefix = Array.from(lower.slice(0, at), (sign) => sign.charCodeAt(0));
  const values = [...prefix.map((code) => code >> 5), 0, ...prefix.map((code) => code & 31)];
  for (const sign of lower.slice(at + 1)) values.push(bech32Signs.indexOf(sign));
  let sum = 1;
  for (const value of values) {
    const top = sum >>> 25;
    sum = ((sum & 0x1ffffff) << 5) ^ value;
    for (const [bit, polynomial] of generator.entries()) if (((top >>> bit) & 1) === 1) sum ^= polynomial;
  }
  return sum === 1 || sum === 0x2bc830a3;
}
