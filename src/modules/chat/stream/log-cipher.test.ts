import { randomBytes } from 'node:crypto';
import { expect, it } from 'vitest';
import { LogCipher } from './log-cipher.ts';

const key = { id: '1', tenantId: 'tenant-a', bytes: randomBytes(32) };
const place = { turnId: 'turn', attempt: 1, epoch: 1, first: 4 };
const chunks = ['{"type":"text-delta","delta":"Grüße\\n"}', '{"type":"finish"}'];

it('opens what it sealed', () => {
  const sealed = new LogCipher(key).seal(place, chunks);
  expect(new LogCipher(key).open(place, sealed)).toEqual(chunks);
  expect(sealed.includes('Grüße')).toBe(false);
});

it.each([
  ['turn', { ...place, turnId: 'other' }],
  ['attempt', { ...place, attempt: 2 }],
  ['epoch', { ...place, epoch: 2 }],
  ['sequence', { ...place, first: 5 }],
])('P4: refuses a batch that was moved to another %s', (_what, moved) => {
  const cipher = new LogCipher(key);
  expect(() => cipher.open(moved, cipher.seal(place, chunks))).toThrow('cannot be decrypted');
});

it('P4: refuses a batch of another tenant even under the same key bytes', () => {
  const sealed = new LogCipher(key).seal(place, chunks);
  expect(() => new LogCipher({ ...key, tenantId: 'tenant-b' }).open(place, sealed)).toThrow('cannot be decrypted');
});

it('gives the same bytes for a batch that is written again, and others for every other place', () => {
  const cipher = new LogCipher(key);
  expect(cipher.seal(place, chunks).equals(cipher.seal(place, chunks))).toBe(true);
  expect(cipher.seal({ ...place, attempt: 2 }, chunks).equals(cipher.seal(place, chunks))).toBe(false);
});

it('opens what was sealed with an older version of the key, or one that it is told of later', () => {
  const [older, newest] = [
    { ...key, id: '2', bytes: randomBytes(32) },
    { ...key, id: '3', bytes: randomBytes(32) },
  ];
  const reader = new LogCipher(key, older);
  expect(reader.open(place, new LogCipher(older).seal(place, chunks))).toEqual(chunks);
  const sealed = new LogCipher(newest).seal(place, chunks);
  expect(() => reader.open(place, sealed)).toThrow('cannot be decrypted');
  reader.renew([newest, key, older]);
  expect(reader.open(place, sealed)).toEqual(chunks);
  expect(new LogCipher(newest).open(place, reader.seal(place, chunks))).toEqual(chunks);
});
