import { importJWK, type JWTPayload, SignJWT } from 'jose';
import { Events, type MutableRedirectUri, type MutableResponse, type MutableToken, OAuth2Server } from 'oauth2-mock-server';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { newUuid, publicId, uuidOf } from '../../../kernel/ids.ts';
import { changed as changedRows, rows } from '../../../platform/database/index.ts';
import { honestProvider } from '../../../../test/support/honest-provider.ts';
import { CredentialChanges } from '../access/credential-changes.ts';
import { changedToken, idTokenLies } from '../../../../test/support/id-token-lies.ts';
import { SsoBrowser, toldOf } from '../../../../test/support/sso-browser.ts';
import { type TestStack, type TestTenant, testStack } from '../../../../test/support/stack.ts';

/* Single sign-on against two independent providers: oidc-provider for what must work, oauth2-mock-server for what lies. */

const clientId = 'parley';
const secret = 'secret-of-the-mock';
let stack: TestStack;
let mine: TestTenant;
let theirs: TestTenant;
let mock: OAuth2Server;
let provider: string;
/** What the lying provider says of who signs in. */
let claims: JWTPayload;

const newEmail = (domain = 'corp.example') => `${newUuid()}@${domain}`;
const verified = (email = newEmail(), sub: string = newUuid()) => ({ sub, email, email_verified: true });
const api = (method: string, path: string, body?: unknown, token = mine.accessToken) =>
  stack.request(method, path, { token, ...(body === undefined ? {} : { body }) });
const newBrowser = () => new SsoBrowser(stack.url);

async function connect(more: object, tenant = mine): Promise<{ id: string; redirect_uri: string }> {
  const body = { name: 'Mock', kind: 'oidc', issuer: mock.issuer.url, client_id: clientId, client_secret: secret, ...more };
  const made = await api('POST', '/v1/identity-providers', body, tenant.accessToken);
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  expect(JSON.stringify(made.body)).not.toContain(secret);
  return made.body as { id: string; redirect_uri: string };
}

beforeAll(async () => {
  stack = await testStack({ env: { AUTH_SSO_ALLOW_PRIVATE_URLS: 'true', AUTH_SSO_RETURN_PATHS: '/,/sign-in', DRAIN_TIMEOUT_MS: '100' } });
  [mine, theirs] = [await stack.tenant(), await stack.tenant()];
  mock = new OAuth2Server();
  await mock.issuer.keys.generate('RS256');
  await mock.start(0, '127.0.0.1');
  mock.service.on(Events.BeforeTokenSigning, ({ payload }: MutableToken) => {
    if (payload['aud'] === clientId) Object.assign(payload, claims);
  });
  provider = (await connect({ join_role: 'developer', join_domains: ['corp.example'] })).id;
});
afterEach(() => {
  mock.service.removeAllListeners(Events.BeforeResponse);
  mock.service.removeAllListeners(Events.BeforeAuthorizeRedirect);
});
afterAll(async () => {
  await mock.stop();
  await stack.close();
});

/** Signs in and exchanges the code, all in one browser. */
async function signedIn(of = provider, browser = newBrowser()) {
  const { sso_code: code = '' } = toldOf(await browser.signIn(of));
  return browser.exchange(code);
}

const me = async (session: { body: { access_token: string } }) => (await api('GET', '/v1/me', undefined, session.body.access_token)).body;
const membersOf = async (tenant: TestTenant) =>
  (await api('GET', '/v1/members?limit=100', undefined, tenant.accessToken)).body.data as { id: string; email: string; role: string }[];

describe('the good path', () => {
  test('oidc-provider: PKCE, nonce, iss and a signed ID token lead to a session of a new member, and to the same member again', async () => {
    const email = newEmail();
    const honest = await honestProvider({ accountId: 'ada', email });
    const { id, redirect_uri: redirectUri } = await connect({
      name: 'Honest',
      issuer: honest.issuer,
      join_role: 'viewer',
      join_domains: ['corp.example'],
    });
    honest.admit({ id: clientId, secret, redirectUri });
    const browser = newBrowser();
    const page = await browser.signIn(id, '/sign-in');
    expect(page).toMatch(/^http:\/\/localhost:3000\/sign-in#sso_code=[\w-]{43}$/);
    const session = await browser.exchange(toldOf(page)['sso_code'] ?? '');
    expect([session.status, session.body.tenant_id, session.body.role]).toEqual([200, mine.tenantId, 'viewer']);
    expect(await me(session as never)).toMatchObject({ email, role: 'viewer', user_id: session.body.user_id });
    expect((await signedIn(id)).body.user_id).toBe(session.body.user_id);
    honest.close();
  });
});

describe('an ID token that lies', () => {
  test.each(idTokenLies(() => mock.issuer, clientId, secret))('%s', async (_what, tamper) => {
    claims = verified();
    const before = await membersOf(mine);
    // The event is emitted, not awaited: so the answer is put together when the token is known.
    const browser = newBrowser();
    const started = await browser.start(provider);
    const callback = await browser.atProvider(started.headers.get('location') ?? '');
    const honestToken = await tokenOf(new URL(started.headers.get('location') ?? ''));
    const lie = await tamper(honestToken);
    mock.service.once(Events.BeforeResponse, (answer: MutableResponse) => {
      const body = answer.body as Record<string, unknown>;
      body['id_token'] = lie ?? body['access_token'];
    });
    expect(toldOf(await browser.arrive(callback))).toEqual({ sso_error: 'failed' });
    expect(await membersOf(mine)).toEqual(before);
  });

  /** A good ID token for the authorization request at `url`. */
  async function tokenOf(url: URL): Promise<string> {
    const { kid, ...jwk } = mock.issuer.keys.toJSON(true)[0] as { kid: string };
    const payload = {
      iss: mock.issuer.url as string,
      aud: clientId,
      nonce: url.searchParams.get('nonce'),
      iat: Math.floor(Date.now() / 1_000),
      exp: Math.floor(Date.now() / 1_000) + 300,
      ...claims,
    };
    return new SignJWT(payload).setProtectedHeader({ alg: 'RS256', kid }).sign(await importJWK({ ...jwk, alg: 'RS256' } as never, 'RS256'));
  }

  test('and the same token untouched is taken, so that the refusals above are about what was changed', async () => {
    claims = verified();
    const browser = newBrowser();
    const location = (await browser.start(provider)).headers.get('location') ?? '';
    const callback = await browser.atProvider(location);
    const token = await changedToken(mock.issuer, {})(await tokenOf(new URL(location)));
    mock.service.once(Events.BeforeResponse, (answer: MutableResponse) => Object.assign(answer.body as object, { id_token: token }));
    expect(toldOf(await browser.arrive(callback))).toHaveProperty('sso_code');
  });
});

describe('a callback that is not the one', () => {
  /** A sign-on that only has to come back. */
  async function underWay(of = provider) {
    claims = verified();
    const browser = newBrowser();
    const callback = await browser.atProvider((await browser.start(of)).headers.get('location') ?? '');
    return { browser, callback };
  }
  const refusalOf = async (browser: SsoBrowser, callback: string) => {
    const answer = await browser.get(stack.url + callback);
    return [answer.status, ((await answer.json()) as { code: string }).code];
  };
  const refused = [400, 'sso_flow_invalid'];

  test('CSRF on log-in: the state of another browser, with a cookie or without one', async () => {
    const { callback } = await underWay();
    expect(await refusalOf(newBrowser(), callback)).toEqual(refused);
    const victim = newBrowser();
    await victim.start(provider);
    expect(await refusalOf(victim, (await underWay()).callback)).toEqual(refused);
  });

  test.each<[string, (callback: string) => string]>([
    ['an unknown state', (callback) => callback.replace(/state=[\w-]+/, `state=${'A'.repeat(43)}`)],
    ['no state', (callback) => callback.replace(/state=[\w-]+/, '')],
    ['a state of another form', (callback) => callback.replace(/state=[\w-]+/, 'state=*')],
    ['the state twice', (callback) => `${callback}&${/state=[\w-]+/.exec(callback)?.[0]}`],
    ['no query', (callback) => callback.replace(/\?.*/, '')],
  ])('%s', async (_what, change) => {
    const { browser, callback } = await underWay();
    expect(await refusalOf(browser, change(callback))).toEqual(refused);
  });

  test('a state counts once, whatever came of it', async () => {
    const { browser, callback } = await underWay();
    expect(toldOf(await browser.arrive(callback))).toHaveProperty('sso_code');
    expect(await refusalOf(browser, callback)).toEqual(refused);
    const failing = await underWay();
    expect(toldOf(await failing.browser.arrive(failing.callback.replace(/code=[\w-]+/, 'error=server_error')))).toEqual({
      sso_error: 'failed',
    });
    expect(await refusalOf(failing.browser, failing.callback)).toEqual(refused);
  });

  test("mix-up: an answer at another provider's address, and an answer that names another issuer", async () => {
    const other = (await connect({ name: 'Other' })).id;
    const { browser, callback } = await underWay();
    expect(await refusalOf(browser, callback.replace(provider, other))).toEqual(refused);
    mock.service.once(Events.BeforeAuthorizeRedirect, ({ url }: MutableRedirectUri) => url.searchParams.set('iss', 'https://evil.example'));
    const mixed = await underWay();
    expect(toldOf(await mixed.browser.arrive(mixed.callback))).toEqual({ sso_error: 'failed' });
  });

  test.each([
    ['access_denied', 'denied'],
    ['server_error', 'failed'],
    ['<script>alert(1)</script>', 'failed'],
  ])('what a provider says of its error %s stays with us', async (error, told) => {
    mock.service.once(Events.BeforeAuthorizeRedirect, ({ url }: MutableRedirectUri) => {
      url.searchParams.delete('code');
      url.searchParams.set('error', error);
      url.searchParams.set('error_description', 'text of theirs');
    });
    const { browser, callback } = await underWay();
    expect((await browser.arrive(callback)).split('#')[1]).toBe(`sso_error=${told}`);
  });

  test('a one-time code counts once, in the browser that began, and in no other', async () => {
    const [first, second] = [await underWay(), await underWay()];
    const codeOf = async ({ browser, callback }: typeof first) => toldOf(await browser.arrive(callback))['sso_code'] ?? '';
    const code = await codeOf(first);
    const answers = await Promise.all([first.browser.exchange(code), first.browser.exchange(code), first.browser.exchange(code)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401]);
    for (const browser of [newBrowser(), first.browser]) {
      const stolen = await browser.exchange(await codeOf(browser === first.browser ? second : await underWay()));
      expect([stolen.status, stolen.body.code]).toEqual([401, 'sso_code_invalid']);
    }
    for (const wrong of ['x', 'A'.repeat(43)]) expect((await first.browser.exchange(wrong)).body.code).toBe('sso_code_invalid');
  });

  test('the cookie is for this host alone, and closed to scripts', async () => {
    const started = await newBrowser().start(provider);
    expect(started.headers.get('set-cookie')).toMatch(
      /^__Host-parley-sso=[\w-]{43}; Path=\/; Max-Age=\d+; Secure; HttpOnly; SameSite=Lax$/,
    );
    expect(started.headers.get('cache-control')).toBe('no-store');
  });

  test.each([
    'https://evil.example',
    '//evil.example',
    String.raw`/\evil.example`,
    String.raw`\\evil.example`,
    '/sign-in/../evil',
    '/sign-in?next=//evil.example',
    '/sign-in#x',
    '/sign-in/',
    '/SIGN-IN',
    '/%2f%2fevil.example',
    '/\t/evil.example',
    'javascript:alert(1)',
    ' /',
    '',
  ])('open redirect: %j is not returned to', async (path) => {
    const answer = await newBrowser().start(provider, path);
    expect([answer.status, answer.headers.get('location')]).toEqual([400, null]);
  });
});

describe('whose account it is', () => {
  test('an e-mail that is not verified, is none, or is of a domain that may not join, makes nobody a member', async () => {
    const before = await membersOf(mine);
    for (const [said, told] of [
      [{ sub: newUuid(), email: newEmail() }, 'email_unverified'],
      [{ sub: newUuid(), email: newEmail(), email_verified: false }, 'email_unverified'],
      [{ sub: newUuid(), email: newEmail(), email_verified: 1 }, 'email_unverified'],
      [{ sub: newUuid(), email: 'ａda@corp.example', email_verified: true }, 'email_unverified'],
      // Whether there is such a member is not told to who has not its mailbox.
      [{ sub: newUuid(), email: mine.email, email_verified: false }, 'email_unverified'],
      [verified(newEmail('other.example')), 'not_a_member'],
      [verified(`${newUuid()}@sub.corp.example`), 'not_a_member'],
    ] as const) {
      claims = said;
      expect(toldOf(await newBrowser().signIn(provider)), JSON.stringify(said)).toEqual({ sso_error: told });
    }
    expect(await membersOf(mine)).toEqual(before);
  });

  test('a member with that e-mail is asked for their password once, and comes in by themselves from then on', async () => {
    claims = verified(mine.email);
    const browser = newBrowser();
    const codeOf = async () => {
      const told = toldOf(await browser.signIn(provider));
      expect(told['sso_proof']).toBe('password');
      return told['sso_code'] ?? '';
    };
    expect((await browser.exchange(await codeOf())).body.code).toBe('sso_proof_required');
    expect((await browser.exchange(await codeOf(), 'wrong')).body.code).toBe('invalid_credentials');
    // The password of somebody with that e-mail in another tenant proves nothing here.
    expect((await browser.exchange(await codeOf(), theirs.password)).body.code).toBe('invalid_credentials');
    const linked = await browser.exchange(await codeOf(), mine.password);
    expect([linked.status, linked.body.user_id, linked.body.role]).toEqual([200, mine.userId, 'owner']);
    expect((await signedIn()).body.user_id).toBe(mine.userId);
    const [link] = (await api('GET', '/v1/me/identities', undefined, linked.body.access_token as string)).body.data as { id: string }[];
    expect((await api('DELETE', `/v1/me/identities/${link?.id}`)).status).toBe(204);
    expect(toldOf(await browser.signIn(provider))['sso_proof']).toBe('password');
  });

  test('a member who has a second factor does not link with a password alone, which would lead around it', async () => {
    const tenant = await stack.tenant();
    const { id } = await connect({ name: 'Around' }, tenant);
    const userId = uuidOf('user', tenant.userId) as string;
    await stack.db.forTenant(tenant.tenantUuid, (tx) =>
      changedRows(
        tx,
        `INSERT INTO second_factors (tenant_id, id, user_id, kind, name, material, confirmed_at) VALUES ($1, $2, $3, 'totp', '', '', now())`,
        [tenant.tenantUuid, newUuid(), userId],
      ),
    );
    stack.app.get(CredentialChanges).announce(tenant.tenantUuid);
    claims = verified(tenant.email);
    const browser = newBrowser();
    const { sso_code: code = '' } = toldOf(await browser.signIn(id));
    expect((await browser.exchange(code, tenant.password)).body.code).toBe('sso_link_signed_in');
    expect(toldOf(await browser.signIn(id))['sso_proof']).toBe('password');
    // Nor is a session enough that began with a password alone.
    const linking = await browser.post('/v1/me/identities', { provider_id: id }, tenant.accessToken);
    expect([linking.status, linking.body.code]).toEqual([403, 'step_up_required']);
  });

  test("P4: a provider of one tenant that asserts an e-mail of another's people gets neither their account nor their tenant", async () => {
    const evil = (await connect({ name: 'Evil', join_role: 'admin', join_domains: ['example.com'] }, theirs)).id;
    // The same subject at the same issuer, too, as somebody of the other tenant.
    const sub = newUuid();
    claims = verified(newEmail(), sub);
    const victim = await signedIn(provider);
    for (const said of [verified(mine.email), verified(newEmail('example.com'), sub)]) {
      claims = said;
      const session = await signedIn(evil);
      expect([session.status, session.body.tenant_id]).toEqual([200, theirs.tenantId]);
      expect([mine.userId, victim.body.user_id]).not.toContain(session.body.user_id);
      for (const path of ['/v1/bots', '/v1/members'])
        expect(JSON.stringify((await api('GET', path, undefined, session.body.access_token as string)).body)).not.toContain(mine.userId);
    }
    const { body } = await api('POST', '/v1/auth/sign-in', { email: mine.email, password: mine.password });
    expect([body.tenant_id, body.user_id]).toEqual([mine.tenantId, mine.userId]);
    expect((await membersOf(mine)).filter(({ email }) => email === mine.email)).toHaveLength(1);
  });

  test('P4: a code of one tenant is no session in another, and the providers of one are not those of the other', async () => {
    const foreign = (await connect({ name: 'Foreign' }, theirs)).id;
    for (const [method, body] of [['GET'], ['PATCH', { name: 'x' }], ['DELETE']] as [string, unknown?][])
      expect((await api(method, `/v1/identity-providers/${foreign}`, body)).status).toBe(404);
    const link = await newBrowser().post('/v1/me/identities', { provider_id: foreign }, mine.accessToken);
    expect(link.status).toBe(404);
    const offered = async (tenantId: string) =>
      ((await api('POST', '/v1/auth/sso/discover', { email: mine.email, tenant_id: tenantId })).body.data as { id: string }[]).map(
        ({ id }) => id,
      );
    expect(await offered(mine.tenantId)).toContain(provider);
    expect(await offered(mine.tenantId)).not.toContain(foreign);
    for (const none of [publicId('tenant', newUuid()), 'nonsense']) expect(await offered(none)).toEqual([]);
  });

  test('somebody who is signed in links an account with their own verified e-mail, and no other one', async () => {
    const linkAs = async (said: JWTPayload, token = mine.accessToken) => {
      claims = said;
      const browser = newBrowser();
      const begun = await browser.post('/v1/me/identities', { provider_id: provider }, token);
      expect(begun.status).toBe(200);
      return { browser, callback: await browser.atProvider(begun.body.url as string) };
    };
    const outcome = async ({ browser, callback }: Awaited<ReturnType<typeof linkAs>>) => toldOf(await browser.arrive(callback));
    expect(await outcome(await linkAs(verified(newEmail())))).toEqual({ sso_error: 'link_refused' });
    expect(await outcome(await linkAs({ sub: 'x', email: mine.email }))).toEqual({ sso_error: 'email_unverified' });
    const session = (await api('POST', '/v1/auth/sign-in', { email: mine.email, password: mine.password })).body;
    const said = verified(mine.email);
    const late = await linkAs(said, session.access_token as string);
    expect((await api('POST', '/v1/auth/sign-out', { refresh_token: session.refresh_token })).status).toBe(204);
    expect(await outcome(late)).toEqual({ sso_error: 'link_refused' });
    expect(await outcome(await linkAs(said))).toEqual({ sso_linked: provider });
    expect((await signedIn()).body.user_id).toBe(mine.userId);
    // Whose account it is already, it stays.
    const other = (await connect({ name: 'Second', join_role: 'viewer', join_domains: ['corp.example'] })).id;
    claims = verified();
    expect((await signedIn(other)).status).toBe(200);
    expect((await api('POST', '/v1/me/identities', { provider_id: provider }, mine.apiKey)).status).toBe(403);
  });

  test('a provider that is switched off or deleted lets nobody in, and who came by it is out', async () => {
    const { id } = await connect({ name: 'Soon off', join_role: 'viewer', join_domains: ['corp.example'] });
    claims = verified();
    const session = await signedIn(id);
    const waiting = newBrowser();
    const { sso_code: code = '' } = toldOf(await waiting.signIn(id));
    expect((await api('PATCH', `/v1/identity-providers/${id}`, { enabled: false })).status).toBe(200);
    expect((await api('GET', '/v1/me', undefined, session.body.access_token as string)).status).toBe(401);
    expect((await waiting.exchange(code)).body.code).toBe('sso_code_invalid');
    expect((await newBrowser().start(id)).status).toBe(404);
    await api('PATCH', `/v1/identity-providers/${id}`, { enabled: true });
    const again = await signedIn(id);
    expect((await api('DELETE', `/v1/identity-providers/${id}`)).status).toBe(204);
    expect((await api('GET', '/v1/me', undefined, again.body.access_token as string)).status).toBe(401);
  });

  test('every sign-in, link and failure is in the audit trail, without an e-mail', async () => {
    const listed = await api('GET', '/v1/audit?limit=100');
    const text = JSON.stringify(listed.body);
    for (const action of ['identity_provider.create', 'identity.link', 'identity.unlink', 'member.join', 'session.sign_in'])
      expect(text).toContain(action);
    expect(text).not.toContain('@');
  });
});

test('P7: neither the secret nor the subject is stored in clear', async () => {
  claims = verified(newEmail(), 'subject-in-clear');
  await signedIn();
  const stored = await stack.db.forTenant(mine.tenantUuid, async (tx) => [
    ...(await rows(tx, 'SELECT * FROM identity_providers')),
    ...(await rows(tx, 'SELECT * FROM linked_identities')),
  ]);
  const text = stored
    .map((each) => Object.values(each as object).map((value) => (Buffer.isBuffer(value) ? value.toString('latin1') : String(value))))
    .join();
  for (const hidden of [secret, 'subject-in-clear']) expect(text).not.toContain(hidden);
});
