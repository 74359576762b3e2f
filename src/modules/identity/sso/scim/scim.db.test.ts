import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newUuid, publicId, uuidOf } from '../../../../kernel/ids.ts';
import { rows } from '../../../../platform/database/index.ts';
import { openChat } from '../../../../../test/support/chat-client.ts';
import { type Answer, type TestStack, type TestTenant, testStack } from '../../../../../test/support/stack.ts';
import { type OfferedProvider, OfferedProviders } from '../providers/offered-providers.ts';
import { SsoAccounts } from '../sso-accounts.ts';

/* SCIM 2.0 as Okta and Entra ID speak it, with an API key that may do nothing else. */

const password = 'correct horse battery';
let stack: TestStack;
let [mine, theirs]: TestTenant[] = [];
let key: string;
let theirKey: string;

beforeAll(async () => {
  stack = await testStack({ env: { DRAIN_TIMEOUT_MS: '100' } });
  [mine, theirs] = [await stack.tenant(), await stack.tenant()];
  [key, theirKey] = [await keyOf(mine), await keyOf(theirs)];
});
afterAll(() => stack.close());

async function keyOf(tenant: TestTenant): Promise<string> {
  const answer = await stack.request('POST', '/v1/api-keys', {
    token: tenant.accessToken,
    body: { name: 'Directory', scopes: ['scim.manage'] },
  });
  expect(answer.status).toBe(201);
  return answer.body.key as string;
}

const scim = (method: string, path: string, body?: unknown, token = key): Promise<Answer> =>
  stack.request(method, `/v1/scim/v2${path}`, {
    token,
    headers: body === undefined ? {} : { 'content-type': 'application/scim+json' },
    body,
  });
const api = (method: string, path: string, body?: unknown, token = (mine as TestTenant).accessToken) =>
  stack.request(method, path, { token, ...(body === undefined ? {} : { body }) });
const newEmail = () => `${newUuid()}@corp.example`;
const patchOf = (...operations: object[]) => ({ schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'], Operations: operations });
const off = patchOf({ op: 'replace', value: { active: false } });
const on = patchOf({ op: 'Replace', path: 'active', value: 'True' });

async function made(body: object, token = key): Promise<{ id: string; userName: string }> {
  const answer = await scim('POST', '/Users', { schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'], ...body }, token);
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return answer.body as { id: string; userName: string };
}
async function grouped(displayName: string, members: { id: string }[] = []): Promise<string> {
  const answer = await scim('POST', '/Groups', { displayName, members: members.map(({ id }) => ({ value: id })) });
  expect(answer.status).toBe(201);
  return answer.body.id as string;
}
/** The member with an e-mail; undefined for nobody. */
async function memberOf(email: string): Promise<{ id: string; role: string } | undefined> {
  const { body } = await api('GET', '/v1/members?limit=100');
  return (body.data as { id: string; email: string; role: string }[]).find((member) => member.email === email);
}
/** A member with a password, who came by an invitation. */
async function invited(email: string, role = 'developer') {
  const { body } = await api('POST', '/v1/invitations', { email, role });
  const joined = await stack.request('POST', '/v1/auth/accept-invitation', { body: { token: body.token, password } });
  expect(joined.status).toBe(201);
  return joined.body as { access_token: string; refresh_token: string; user_id: string };
}

describe('people', () => {
  test('are taken in as members, found by name in any case and by external id, and read as they are', async () => {
    const email = newEmail();
    const user = await made({
      userName: email,
      externalId: `ext-${email}`,
      name: { givenName: 'Ada' },
      emails: [{ value: email, primary: true }],
    });
    expect(user).toMatchObject({ userName: email, active: true, meta: { resourceType: 'User', location: `/v1/scim/v2/Users/${user.id}` } });
    expect(await memberOf(email)).toMatchObject({ role: 'viewer' });
    for (const filter of [`userName eq "${email.toUpperCase()}"`, `externalId eq "ext-${email}"`, `id eq "${user.id}"`]) {
      const listed = await scim('GET', `/Users?filter=${encodeURIComponent(filter)}&startIndex=1&count=10`);
      expect(listed.headers.get('content-type')).toContain('application/scim+json');
      expect(listed.body, filter).toMatchObject({
        totalResults: 1,
        startIndex: 1,
        itemsPerPage: 1,
        Resources: [{ id: user.id, name: { givenName: 'Ada' } }],
      });
    }
    expect((await scim('GET', `/Users?filter=${encodeURIComponent('userName eq "nobody@corp.example"')}`)).body).toMatchObject({
      totalResults: 0,
      Resources: [],
    });
    expect((await scim('GET', '/Users?startIndex=0&count=0')).body).toMatchObject({ itemsPerPage: 0, Resources: [] });
    const again = await scim('POST', '/Users', { userName: email });
    expect([again.status, again.body]).toMatchObject([
      409,
      { schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'], status: '409', scimType: 'uniqueness' },
    ]);
    const replaced = await scim('PUT', `/Users/${user.id}`, { userName: email, displayName: 'Ada L', active: true });
    expect(replaced.body).toMatchObject({ displayName: 'Ada L' });
    expect(replaced.body).not.toHaveProperty('name');
  });

  test.each([
    ['no e-mail', { userName: 'ada' }],
    ['no name', { active: true }],
    ['a name that is none', { userName: 7 }],
    ['an e-mail that becomes another one', { userName: 'ａda@corp.example' }],
  ])('%s is refused in the words of SCIM', async (_what, body) => {
    const answer = await scim('POST', '/Users', body);
    expect([answer.status, answer.body]).toMatchObject([400, { status: '400', scimType: 'invalidValue' }]);
  });

  test('who is switched off is out within five seconds, with sessions and sockets, and comes back as the same user', async () => {
    const email = newEmail();
    const session = await invited(email);
    const user = await made({ userName: email });
    expect((await memberOf(email))?.role).toBe('developer');
    const query = `bot_id=${(mine as TestTenant).botId}&visitor_id=${newUuid()}`;
    const socket = await openChat(`${stack.wsUrl}?${query}`, { credential: session.access_token });
    expect((await api('GET', '/v1/me', undefined, session.access_token)).status).toBe(200);
    const startedAt = performance.now();
    expect((await scim('PATCH', `/Users/${user.id}`, off)).body).toMatchObject({ active: false });
    expect((await api('GET', '/v1/me', undefined, session.access_token)).status).toBe(401);
    expect((await socket.closed).code).toBe(4401);
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    const refreshed = await stack.request('POST', '/v1/auth/refresh', { body: { refresh_token: session.refresh_token } });
    expect(refreshed.status).toBe(401);
    expect(await memberOf(email)).toBeUndefined();
    expect((await scim('GET', `/Users/${user.id}`)).body).toMatchObject({ active: false });
    expect((await scim('PATCH', `/Users/${user.id}`, on)).body).toMatchObject({ active: true });
    expect((await memberOf(email))?.id).toBe(session.user_id);
    expect((await scim('DELETE', `/Users/${user.id}`)).status).toBe(204);
    expect(await memberOf(email)).toBeUndefined();
    expect((await scim('GET', `/Users/${user.id}`)).status).toBe(404);
  });

  test('the last owner stays, whatever the directory says', async () => {
    const { email } = mine as TestTenant;
    const user = await made({ userName: email });
    for (const answer of [await scim('PATCH', `/Users/${user.id}`, off), await scim('DELETE', `/Users/${user.id}`)])
      expect([answer.status, answer.body.scimType]).toEqual([409, 'mutability']);
    expect(await memberOf(email)).toMatchObject({ role: 'owner' });
    const admins = await grouped('Owner tries', [user]);
    await api('PATCH', `/v1/scim-groups/${admins}`, { role: 'viewer' });
    expect(await memberOf(email)).toMatchObject({ role: 'owner' });
  });

  test('an account that the directory made is linked to a verified e-mail, and who was put out does not join by the door beside', async () => {
    const body = {
      name: 'GitHub',
      kind: 'github',
      client_id: 'x',
      client_secret: 'x',
      join_role: 'developer',
      join_domains: ['corp.example'],
    };
    const connected = await api('POST', '/v1/identity-providers', body);
    const tenantId = (mine as TestTenant).tenantUuid;
    const provider = await stack.app
      .get(OfferedProviders)
      .enabled(tenantId, uuidOf('identityProvider', connected.body.id as string) as string);
    const resolve = (email: string) =>
      stack.app
        .get(SsoAccounts)
        .resolve(tenantId, provider as OfferedProvider['provider'], { subject: newUuid(), email, emailVerified: true });
    const [stays, goes] = [newEmail(), newEmail()];
    await made({ userName: stays });
    expect(publicId('user', ((await resolve(stays)) as { userId: string }).userId)).toBe((await memberOf(stays))?.id);
    const gone = await made({ userName: goes });
    await scim('PATCH', `/Users/${gone.id}`, off);
    await expect(resolve(goes)).rejects.toMatchObject({ reason: 'not_a_member' });
    expect(await memberOf(goes)).toBeUndefined();
  });
});

describe('groups', () => {
  test('give the highest role that an administrator has said, take it back, and end tokens of the old one', async () => {
    const email = newEmail();
    const session = await invited(email, 'viewer');
    const user = await made({ userName: email });
    const [low, high] = [await grouped('Everybody', [user]), await grouped('Developers')];
    expect((await memberOf(email))?.role).toBe('viewer');
    for (const [id, role] of [
      [low, 'viewer'],
      [high, 'admin'],
    ])
      expect((await api('PATCH', `/v1/scim-groups/${id}`, { role })).body).toMatchObject({ role });
    expect((await memberOf(email))?.role).toBe('viewer');
    expect(
      (await scim('PATCH', `/Groups/${high}`, patchOf({ op: 'add', path: 'members', value: [{ value: user.id }] }))).body.members,
    ).toEqual([{ value: user.id }]);
    expect((await memberOf(email))?.role).toBe('admin');
    expect((await api('GET', '/v1/me', undefined, session.access_token)).status).toBe(401);
    await scim('PATCH', `/Groups/${high}`, patchOf({ op: 'remove', path: `members[value eq "${user.id}"]` }));
    expect((await memberOf(email))?.role).toBe('viewer');
    await scim('PUT', `/Groups/${high}`, { displayName: 'Developers', members: [{ value: user.id }] });
    await api('PATCH', `/v1/scim-groups/${high}`, { role: 'developer' });
    expect((await memberOf(email))?.role).toBe('developer');
    expect((await scim('DELETE', `/Groups/${high}`)).status).toBe(204);
    expect((await memberOf(email))?.role).toBe('viewer');
  });

  test('are found by name, are one each, and only a person says what they mean', async () => {
    const id = await grouped('Finders');
    const listed = await scim('GET', `/Groups?filter=${encodeURIComponent('displayName eq "finders"')}&excludedAttributes=members`);
    expect(listed.body).toMatchObject({ totalResults: 1, Resources: [{ id, displayName: 'Finders' }] });
    expect((await scim('POST', '/Groups', { displayName: 'FINDERS' })).body.scimType).toBe('uniqueness');
    expect((await scim('PATCH', `/Groups/${id}`, patchOf({ op: 'replace', value: { displayName: 'Keepers', id } }))).body.displayName).toBe(
      'Keepers',
    );
    expect((await api('PATCH', `/v1/scim-groups/${id}`, { role: 'owner' })).status).toBe(400);
    expect((await api('PATCH', `/v1/scim-groups/${id}`, { role: 'viewer' }, key)).status).toBe(403);
    expect((await api('GET', '/v1/scim-groups')).body.data).toContainEqual({
      object: 'scim_group',
      id,
      display_name: 'Keepers',
      role: null,
    });
  });
});

describe('P4: another tenant', () => {
  test('is not there: no person, no group, by no route, filter or membership', async () => {
    const person = await made({ userName: newEmail() }, theirKey);
    const group = (await scim('POST', '/Groups', { displayName: 'Theirs', members: [{ value: person.id }] }, theirKey)).body.id as string;
    for (const id of [person.id, publicId('scimUser', newUuid()), 'nonsense', group]) {
      const body = { userName: newEmail() };
      for (const answer of [
        await scim('GET', `/Users/${id}`),
        await scim('PUT', `/Users/${id}`, body),
        await scim('PATCH', `/Users/${id}`, off),
        await scim('DELETE', `/Users/${id}`),
      ])
        expect([answer.status, answer.body.detail], id).toEqual([404, 'There is no such user.']);
    }
    for (const id of [group, publicId('scimGroup', newUuid()), person.id]) {
      const body = { displayName: 'x', members: [] };
      for (const answer of [
        await scim('GET', `/Groups/${id}`),
        await scim('PUT', `/Groups/${id}`, body),
        await scim('PATCH', `/Groups/${id}`, patchOf({ op: 'remove', path: 'members' })),
        await scim('DELETE', `/Groups/${id}`),
      ])
        expect(answer.status, id).toBe(404);
    }
    const mixed = await grouped('Mixed', [person]);
    expect((await scim('GET', `/Groups/${mixed}`)).body.members).toEqual([]);
    expect((await scim('GET', `/Users?filter=${encodeURIComponent(`userName eq "${person.userName}"`)}`)).body.totalResults).toBe(0);
    expect((await scim('GET', `/Users/${person.id}`, undefined, theirKey)).body).toMatchObject({ active: true });
    // The same person may be in both directories: they are two accounts.
    const shared = await made({ userName: person.userName });
    await scim('PATCH', `/Users/${shared.id}`, off);
    expect((await scim('GET', `/Users/${person.id}`, undefined, theirKey)).body).toMatchObject({ active: true });
  });

  test('nor is the rest of this one, for the key; and without the key there is nothing', async () => {
    for (const path of ['/v1/members', '/v1/bots', '/v1/identity-providers', '/v1/scim-groups'])
      expect((await api('GET', path, undefined, key)).status).toBe(403);
    for (const [token, status] of [
      [(mine as TestTenant).apiKey, 403],
      ['nonsense', 401],
      [undefined, 401],
    ] as const) {
      const answer = await stack.request('GET', '/v1/scim/v2/Users', token === undefined ? {} : { token });
      expect([answer.status, answer.body]).toMatchObject([
        status,
        { schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'], status: String(status) },
      ]);
    }
    expect((await scim('GET', '/ServiceProviderConfig')).body).toMatchObject({ patch: { supported: true }, bulk: { supported: false } });
  });
});

test('P7: names and e-mails are sealed', async () => {
  const email = newEmail();
  await made({ userName: email, displayName: 'Very Personal' });
  await grouped('Very Secret Group');
  const stored = await stack.db.forTenant((mine as TestTenant).tenantUuid, async (tx) => [
    ...(await rows(tx, 'SELECT * FROM scim_users')),
    ...(await rows(tx, 'SELECT * FROM scim_groups')),
  ]);
  const text = stored
    .map((each) => Object.values(each as object).map((value) => (Buffer.isBuffer(value) ? value.toString('latin1') : String(value))))
    .join();
  for (const hidden of [email, 'Very Personal', 'Very Secret Group']) expect(text).not.toContain(hidden);
});
