import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { newUuid } from '../../kernel/ids.ts';
import { CannotDecrypt, type ContentKey, deriveKey, keyIdOf, open, type Place, seal } from './envelope.ts';

const tenantId = newUuid();
const key: ContentKey = { id: newUuid(), tenantId, bytes: randomBytes(32) };
const place: Place = { tenantId, table: 'messages', column: 'content', rowId: newUuid() };

test('what was sealed opens in its place, byte for byte', () => {
  for (const clear of ['', 'x', 'Grüße 👋', 'a'.repeat(100_000)]) expect(open(key, place, seal(key, place, clear)).toString()).toBe(clear);
  const bytes = Buffer.from([0, 255, 128, 10]);
  expect(open(key, place, seal(key, place, bytes))).toEqual(bytes);
});

test('the form is version, key id, nonce, ciphertext, tag, and the same text never looks the same twice', () => {
  const sealed = seal(key, place, 'secret');
  expect(sealed.length).toBe(1 + 16 + 12 + 6 + 16);
  expect(sealed[0]).toBe(1);
  expect(sealed.subarray(1, 17).toString('hex')).toBe(key.id.replaceAll('-', ''));
  expect(keyIdOf(sealed)).toBe(key.id);
  expect(sealed.includes('secret')).toBe(false);
  const nonces = new Set(Array.from({ length: 1_000 }, () => seal(key, place, 'secret').subarray(17, 29).toString('hex')));
  expect(nonces.size).toBe(1_000);
});

test.each([
  ['row', { rowId: newUuid() }],
  ['column', { column: 'title' }],
  ['table', { table: 'conversations' }],
])('P4: a value that was moved to another %s is refused', (_what, other) => {
  expect(() => open(key, { ...place, ...other }, seal(key, place, 'secret'))).toThrow(CannotDecrypt);
});

test('P4: a key of one tenant neither seals nor opens for another, even with the same bytes', () => {
  const foreign = { ...place, tenantId: newUuid() };
  expect(() => seal(key, foreign, 'secret')).toThrow(CannotDecrypt);
  expect(() => open(key, foreign, seal(key, place, 'secret'))).toThrow(CannotDecrypt);
  const same: ContentKey = { ...key, tenantId: foreign.tenantId };
  expect(() => open(key, foreign, seal(same, foreign, 'secret'))).toThrow(CannotDecrypt);
  expect(() => open(same, foreign, seal(key, place, 'secret'))).toThrow(CannotDecrypt);
});

test('every flipped bit is refused, header and tag included', () => {
  const sealed = seal(key, place, 'secret');
  for (let bit = 0; bit < sealed.length * 8; bit += 1) {
    const damaged = Buffer.from(sealed);
    damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7));
    expect(() => open(key, place, damaged), `bit ${bit}`).toThrow(CannotDecrypt);
  }
});

test('every truncated and every lengthened value is refused', () => {
  const sealed = seal(key, place, 'secret');
  for (let length = 0; length < sealed.length; length += 1) {
    expect(() => open(key, place, sealed.subarray(0, length)), `${length} bytes`).toThrow(CannotDecrypt);
  }
  expect(() => open(key, place, Buffer.concat([sealed, Buffer.alloc(1)]))).toThrow(CannotDecrypt);
  expect(() => keyIdOf(Buffer.alloc(0))).toThrow(CannotDecrypt);
});

test('another key with the same id, and the same key under another id, are refused', () => {
  const sealed = seal(key, place, 'secret');
  expect(() => open({ ...key, bytes: randomBytes(32) }, place, sealed)).toThrow(CannotDecrypt);
  expect(() => open({ ...key, id: newUuid() }, place, sealed)).toThrow(CannotDecrypt);
});

test('a refusal says nothing of the value', () => {
  expect(new CannotDecrypt().message).toBe('This value cannot be decrypted in this place.');
});

test('derived keys have 32 bytes and differ by purpose and origin', () => {
  const [from, other] = [randomBytes(32), randomBytes(32)];
  expect(deriveKey(from, 'a')).toHaveLength(32);
  expect(deriveKey(from, 'a')).toEqual(deriveKey(from, 'a'));
  expect(new Set([deriveKey(from, 'a'), deriveKey(from, 'b'), deriveKey(other, 'a')].map((bytes) => bytes.toString('hex'))).size).toBe(3);
});
