import { expect, test } from 'vitest';
import { parseFilter } from './scim-filter.ts';

test.each([
  ['userName eq "ada@example.com"', { name: 'username', value: 'ada@example.com' }],
  [' USERNAME  EQ  "a\\"b" ', { name: 'username', value: 'a"b' }],
  ['externalId eq "00u1"', { name: 'externalid', value: '00u1' }],
  ['displayName eq "A and B"', { name: 'displayname', value: 'A and B' }],
  ['', undefined],
  [undefined, undefined],
])('%s', (text, filter) => expect(parseFilter(text)).toEqual(filter));

test.each([
  'userName sw "a"',
  'userName eq a',
  'userName eq "a',
  'userName eq "a" or userName eq "b"',
  'userName eq "a" and active eq true',
  'password eq "x"',
  'emails[type eq "work"].value eq "a"',
  'not (userName eq "a")',
  `userName eq "${'\\'.repeat(499)}`,
])('%s is not understood', (text) => expect(() => parseFilter(text)).toThrow(expect.objectContaining({ scimType: 'invalidFilter' })));
