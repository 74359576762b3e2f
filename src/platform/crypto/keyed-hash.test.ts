import { createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { hashRootOf } from './hash-root.ts';
import { KeyedHash } from './keyed-hash.ts';

const masterKey = randomBytes(32);
const hash = new KeyedHash(hashRootOf(masterKey));

test('parts are length-prefixed: where one ends and the next begins counts', () => {
  const all = [
    hash.of('email', 'ab', 'c'),
    hash.of('email', 'a', 'bc'),
    hash.of('email', 'abc'),
    hash.of('email', 'abc', ''),
    hash.of('email', '', 'abc'),
    hash.of('email', 'a', 'b', 'c'),
    hash.of('email'),
    hash.of('email', ''),
  ];
  expect(new Set(all.map((bytes) => bytes.toString('hex'))).size).toBe(all.length);
});

test('the same parts give the same 32 bytes, as text or as bytes', () => {
  expect(hash.of('email', 'ä', 'b')).toEqual(hash.of('email', Buffer.from('ä'), Buffer.from('b')));
  expect(new KeyedHash(hashRootOf(masterKey)).of('email', 'x')).toEqual(hash.of('email', 'x'));
  expect(hash.of('email', 'x')).toHaveLength(32);
});

test('purposes and master keys have nothing in common', () => {
  expect(hash.of('email', 'x')).not.toEqual(hash.of('visitor-id', 'x'));
  expect(new KeyedHash(hashRootOf(randomBytes(32))).of('email', 'x')).not.toEqual(hash.of('email', 'x'));
});

test('it is HMAC-SHA256 under a key that HKDF derives for the purpose from the first master key, as ever', () => {
  const key = Buffer.from(hkdfSync('sha256', masterKey, Buffer.alloc(0), 'keyed-hash:ticket', 32));
  const expected = createHmac('sha256', key)
    .update(Buffer.from([0, 0, 0, 1]))
    .update('x')
    .digest();
  expect(hash.of('ticket', 'x')).toEqual(expected);
});
