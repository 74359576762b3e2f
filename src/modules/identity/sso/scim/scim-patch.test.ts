import { expect, test } from 'vitest';
import { groupChange, patchedUser } from './scim-patch.ts';
import { ScimPatch, type ScimUserBody } from './scim.schemas.ts';

const ada: ScimUserBody = { userName: 'ada@example.com', active: true, emails: [{ value: 'ada@example.com', primary: true }] };
const operations = (...given: unknown[]) => ScimPatch.parse({ Operations: given }).Operations;

test.each<[string, unknown[], Partial<ScimUserBody>]>([
  ['Okta switches off', [{ op: 'replace', value: { active: false } }], { active: false }],
  ['Entra ID switches off', [{ op: 'Replace', path: 'active', value: 'False' }], { active: false }],
  [
    'a part of the name',
    [
      { op: 'add', path: 'name.givenName', value: 'Ada' },
      { op: 'add', path: 'name.familyName', value: 'L' },
    ],
    { name: { givenName: 'Ada', familyName: 'L' } },
  ],
  [
    'an e-mail by its type',
    [{ op: 'replace', path: 'emails[type eq "work"].value', value: 'new@example.com' }],
    { emails: [{ value: 'new@example.com', primary: true }] },
  ],
  ['several at once', [{ op: 'replace', value: { displayName: 'Ada', externalId: '7' } }], { displayName: 'Ada', externalId: '7' }],
  ['what is taken away', [{ op: 'remove', path: 'displayName' }], {}],
  ['what we do not keep', [{ op: 'add', path: 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department', value: 'x' }], {}],
])('a person: %s', (_what, given, after) => expect(patchedUser(ada, operations(...given))).toEqual({ ...ada, ...after }));

test.each([
  [{ op: 'remove' }],
  [{ op: 'replace', path: 'active', value: 'perhaps' }],
  [{ op: 'replace', path: 'userName', value: '' }],
  [{ op: 'remove', path: 'userName' }],
  [{ op: 'replace', value: 'x' }],
  [
    { op: 'replace', path: '__proto__', value: { active: false } },
    { op: 'replace', path: 'active', value: 7 },
  ],
])('a person: %j is refused', (...given) => expect(() => patchedUser(ada, operations(...given))).toThrow());

test('a group: members come, go, and are replaced, in order', () => {
  const [a, b] = [{ value: 'scu_a' }, { value: 'scu_b' }];
  expect(groupChange(operations({ op: 'add', path: 'members', value: [a] }, { op: 'Remove', path: 'members[value eq "scu_b"]' }))).toEqual({
    added: ['scu_a'],
    removed: ['scu_b'],
  });
  expect(groupChange(operations({ op: 'add', path: 'members', value: [a] }, { op: 'replace', path: 'members', value: [b] }))).toEqual({
    members: ['scu_b'],
    added: [],
    removed: [],
  });
  expect(
    groupChange(operations({ op: 'remove', path: 'members', value: [a] }, { op: 'replace', value: { displayName: ' Team ' } })),
  ).toEqual({ displayName: 'Team', added: [], removed: ['scu_a'] });
  expect(groupChange(operations({ op: 'remove', path: 'members' }))).toEqual({ members: [], added: [], removed: [] });
  for (const bad of [
    { op: 'add', path: 'members', value: ['scu_a'] },
    { op: 'replace', path: 'displayName', value: '' },
    { op: 'add', path: 'owners', value: [] },
    { op: 'remove' },
  ])
    expect(() => groupChange(operations(bad)), JSON.stringify(bad)).toThrow();
});
