import { expect, test } from 'vitest';
import { claimedEmail } from './asserted-identity.ts';

test.each([
  ['Ada@Example.com', 'ada@example.com'],
  ['ada+sso@mail.example.co.uk', 'ada+sso@mail.example.co.uk'],
])('%s is an e-mail', (claim, compared) => expect(claimedEmail(claim)).toBe(compared));

test.each([
  [undefined],
  [42],
  [['ada@example.com']],
  [{ toString: () => 'ada@example.com' }],
  [''],
  ['ada'],
  ['ada@localhost'],
  ['ada@example.com\0'],
  ['ada@example.com '],
  ['ada@evil.com@example.com'],
  ['ada@example.com,eve@example.com'],
  ['ada@example.com\neve@evil.com'],
  // Becomes ada@example.com, or the domain another one, once it is normalised.
  ['ａda@example.com'],
  ['ada@ｅxample.com'],
  ['ada@exam\u212ale.com'],
  [`${'a'.repeat(300)}@example.com`],
])('%j is none', (claim) => expect(claimedEmail(claim)).toBeUndefined());
