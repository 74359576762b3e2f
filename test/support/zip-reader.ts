import { createCipheriv, createHmac, pbkdf2Sync, timingSafeEqual } from 'node:crypto';
import { inflateRawSync } from 'node:zlib';

/** One entry of a ZIP, as its central directory says. */
export interface ZipEntry {
  name: string;
  /** What the AES extra field says; undefined for an entry that is not encrypted so. 2 is AE-2, strength 3 is AES-256. */
  aes: { version: number; strength: number; method: number } | undefined;
  /** As stored: salt, password verification, ciphertext, authentication code. */
  stored: Buffer;
}

/**
 * Reads a ZIP by its specification alone (APPNOTE.TXT 6.3.10 and WinZip's "AES encryption information"), without the library that wrote it:
 * archives must open elsewhere.
 */
export function zipEntries(archive: Buffer): ZipEntry[] {
  const end = archive.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  const [count, start] = [archive.readUInt16LE(end + 10), archive.readUInt32LE(end + 16)];
  const entries: ZipEntry[] = [];
  for (let at = start; entries.length < count;) {
    if (archive.readUInt32LE(at) !== 0x02014b50) throw new Error('no entry of a central directory');
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((offset) => archive.readUInt16LE(at + offset)) as [
      number,
      number,
      number,
    ];
    const [size, local] = [archive.readUInt32LE(at + 20), archive.readUInt32LE(at + 42)];
    const extra = archive.subarray(at + 46 + nameLength, at + 46 + nameLength + extraLength);
    const data = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
    entries.push({
      name: archive.toString('utf8', at + 46, at + 46 + nameLength),
      aes: archive.readUInt16LE(at + 10) === 99 ? aesField(extra) : undefined,
      stored: archive.subarray(data, data + size),
    });
    at += 46 + nameLength + extraLength + commentLength;
  }
  return entries;
}

/** The clear content of an entry that is encrypted with AES-256. Throws for a wrong password and for bytes that were changed. */
export function openEntry({ aes, stored }: ZipEntry, password: string): Buffer {
  if (aes?.strength !== 3) throw new Error('not AES-256');
  const [salt, check, code] = [stored.subarray(0, 16), stored.subarray(16, 18), stored.subarray(stored.length - 10)];
  const cipher = stored.subarray(18, stored.length - 10);
  const keys = pbkdf2Sync(password, salt, 1000, 66, 'sha1');
  if (!keys.subarray(64).equals(check)) throw new Error('wrong password');
  const mac = createHmac('sha1', keys.subarray(32, 64)).update(cipher).digest().subarray(0, 10);
  if (!timingSafeEqual(mac, code)) throw new Error('changed');
  // Counters begin at 1 and are little-endian, which no mode of Node's is: so block by block.
  const counters = Buffer.alloc(Math.ceil(cipher.length / 16) * 16);
  for (let block = 0; block * 16 < counters.length; block += 1) counters.writeUInt32LE(block + 1, block * 16);
  const stream = createCipheriv('aes-256-ecb', keys.subarray(0, 32), null).setAutoPadding(false).update(counters);
  const clear = Buffer.from(cipher.map((byte, at) => byte ^ (stream[at] as number)));
  return aes.method === 8 ? inflateRawSync(clear) : clear;
}

/** Every entry of an archive, opened, by name. */
export function openArchive(archive: Buffer, password: string): Map<string, string> {
  return new Map(zipEntries(archive).map((entry) => [entry.name, openEntry(entry, password).toString()]));
}

function aesField(extra: Buffer): ZipEntry['aes'] {
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2))
    if (extra.readUInt16LE(at) === 0x9901)
      return { version: extra.readUInt16LE(at + 4), strength: extra[at + 8] as number, method: extra.readUInt16LE(at + 9) };
  throw new Error('an encrypted entry without an AES field');
}
