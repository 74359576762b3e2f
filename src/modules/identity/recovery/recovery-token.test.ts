import { afterEach, beforeEach, expect, test } from 'vitest';
import { replaceClock } from '../../../kernel/clock.ts';
import { newUuid } from '../../../kernel/ids.ts';
import { KeyedHash } from '../../../platform/crypto/index.ts';
import { RecoveryTokens } from './recovery-token.ts';

const tokens = new RecoveryTokens(new KeyedHash(Buffer.alloc(32, 1)));
const subject = { userId: newUuid(), emailHash: Buffer.alloc(32, 2), passwordHash: Buffer.alloc(32, 3), passwordChangedAt: null };
let now = 1_764_000_000_000;
let restore = (): void => undefined;

beforeEach(() => {
  restore = replaceClock({ now: () => now });
});
afterEach(() => restore());

test('a token counts for whom and what it was made, until it expires', () => {
  const token = tokens.issue('reset', subject);
  expect(tokens.claimed('reset', token)).toBe(subject.userId);
  expect(tokens.isFor('reset', token, subject)).toBe(true);
  now += 3_600_000;
  expect(tokens.claimed('reset', token)).toBeUndefined();
  expect(tokens.isFor('reset', token, subject)).toBe(false);
});

test('a reset ends with the password that it would change, a verification does not', () => {
  const [reset, verify] = [tokens.issue('reset', subject), tokens.issue('verify', subject)];
  const changes = [{ passwordHash: Buffer.alloc(32, 4) }, { passwordChangedAt: new Date(now) }, { emailHash: Buffer.alloc(32, 5) }];
  expect(changes.map((change) => tokens.isFor('reset', reset, { ...subject, ...change }))).toEqual([false, false, false]);
  expect(changes.map((change) => tokens.isFor('verify', verify, { ...subject, ...change }))).toEqual([true, true, false]);
});

test('no other kind, person, expiry or spelling', () => {
  const token = tokens.issue('reset', subject);
  const body = Buffer.from(token.slice(4), 'base64url');
  const flipped = [...body.keys()].map((at) => {
    const bytes = Buffer.from(body);
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
    return `prs_${bytes.toString('base64url')}`;
  });
  const others = ['', 'prs_', token.replace('prs_', 'pev_'), `${token}=`, `${token} `, `${token}A`, token.slice(0, -1), ...flipped];
  expect(others.filter((other) => tokens.isFor('reset', other, subject))).toEqual([]);
  expect(tokens.isFor('verify', token.replace('prs_', 'pev_'), subject)).toBe(false);
  expect(tokens.isFor('reset', token, { ...subject, userId: newUuid() })).toBe(false);
});
