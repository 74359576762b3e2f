import { afterEach, expect, test } from 'vitest';
import { replaceClock } from '../../../kernel/clock.ts';
import { newTotpSecret, totpStep, totpUrl } from './totp.ts';

let restore = (): void => undefined;
afterEach(() => restore());

/** RFC 6238, appendix B: the SHA-1 column, its last six digits. The secret is the text `12345678901234567890`. */
const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ';

test.each([
  [59, '287082'],
  [1_111_111_109, '081804'],
  [1_111_111_111, '050471'],
  [1_234_567_890, '005924'],
  [2_000_000_000, '279037'],
  [20_000_000_000, '353130'],
])('at second %i the code is %s, and for one step before and after', (second, code) => {
  const step = Math.floor(second / 30);
  for (const [shift, found] of [
    [0, step],
    [-30, step],
    [30, step],
    [-60, undefined],
    [60, undefined],
  ] as const) {
    restore = replaceClock({ now: () => (second + shift) * 1_000 });
    expect(totpStep(secret, code)).toBe(found);
  }
});

test('what is no code is none, and secrets are new', () => {
  for (const code of ['', '28708', '2870822', ' 287082', '28708２', 'abcdef']) expect(totpStep(secret, code)).toBeUndefined();
  expect(newTotpSecret()).toMatch(/^[A-Z2-7]{32}$/);
  expect(newTotpSecret()).not.toBe(newTotpSecret());
  expect(totpUrl(secret, 'ada@example.com')).toMatch(/^otpauth:\/\/totp\/Parley:ada%40example\.com\?issuer=Parley&secret=GEZ/);
});
