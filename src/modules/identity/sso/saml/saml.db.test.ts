import { createVerify } from 'node:crypto';
import { inflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newUuid } from '../../../../kernel/ids.ts';
import { changed } from '../../../../platform/database/index.ts';
import { type SamlProvider, samlProvider } from '../../../../../test/support/saml-provider.ts';
import { SsoBrowser, toldOf } from '../../../../../test/support/sso-browser.ts';
import { type TestStack, type TestTenant, testStack } from '../../../../../test/support/stack.ts';

/* SAML 2.0 against an independent provider (samlp), whose answers are then tampered with. */

let stack: TestStack;
let [mine, theirs]: TestTenant[] = [];
let idp: SamlProvider;
let stranger: SamlProvider;
let provider: Connected;
/** Metadata of ours at `provider`, and the certificate in it. */
let metadata: string;
let certificate: string;

interface Connected {
  id: string;
  entityId: string;
  acsUrl: string;
}
interface Begun {
  browser: SsoBrowser;
  state: string;
  requestId: string;
  of: Connected;
}

async function connect(tenant: TestTenant, more: object = {}): Promise<Connected> {
  const body = { name: 'SAML', entity_id: idp.entityId, entry_point: 'https://idp.example/sso', certificates: [idp.certificate], ...more };
  const made = await stack.request('POST', '/v1/identity-providers/saml', { token: tenant.accessToken, body });
  expect(made.status, JSON.stringify(made.body)).toBe(201);
  return { id: made.body.id as string, entityId: made.body.client_id as string, acsUrl: made.body.redirect_uri as string };
}

async function prove(tenant: TestTenant, domain: string): Promise<void> {
  expect((await stack.request('POST', '/v1/domains', { token: tenant.accessToken, body: { domain } })).status).toBe(201);
  // What DNS has to do with it is tested beside the domains.
  await stack.db.forTenant(tenant.tenantUuid, (tx) =>
    changed(tx, 'UPDATE tenant_domains SET verified_at = now() WHERE domain = $1', [domain]),
  );
}

beforeAll(async () => {
  stack = await testStack({ env: { DRAIN_TIMEOUT_MS: '100' } });
  [mine, theirs] = [await stack.tenant(), await stack.tenant()];
  [idp, stranger] = await Promise.all([samlProvider('https://idp.example/entity'), samlProvider('https://idp.example/entity')]);
  await prove(mine, 'corp.example');
  provider = await connect(mine, { join_role: 'developer' });
  const answer = await stack.request('GET', new URL(provider.entityId).pathname);
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/samlmetadata+xml']);
  metadata = answer.body as string;
  const encoded = /<(?:\w+:)?X509Certificate>([^<]+)</.exec(metadata)?.[1]?.replace(/\s/g, '') ?? '';
  certificate = `-----BEGIN CERTIFICATE-----\n${encoded.replace(/(.{64})/g, '$1\n')}\n-----END CERTIFICATE-----\n`;
});
afterAll(() => stack.close());

const person = (email = `${newUuid()}@corp.example`) => ({ id: newUuid(), email });

/** Begins at a provider: the request that the browser carries there. */
async function begin(of = provider, browser = new SsoBrowser(stack.url)): Promise<Begun & { location: URL; request: string }> {
  const started = await browser.start(of.id);
  const location = new URL(started.headers.get('location') ?? '');
  const request = inflateRawSync(Buffer.from(location.searchParams.get('SAMLRequest') ?? '', 'base64')).toString();
  const requestId = / ID="([^"]+)"/.exec(request)?.[1] ?? '';
  return { browser, state: location.searchParams.get('RelayState') ?? '', requestId, of, location, request };
}

/** Where the answer to `begun` goes, and to whom. */
const addressed = ({ requestId, of }: Begun) => ({
  audience: of.entityId,
  recipient: of.acsUrl,
  destination: of.acsUrl,
  inResponseTo: requestId,
});

/** Posts a response as the provider's page does, with no cookie, and follows it with the browser; gives what the page is told, or the refusal. */
async function deliver({ browser, of }: Pick<Begun, 'browser' | 'of'>, xml: string, relayState?: string): Promise<Record<string, string>> {
  const form = new URLSearchParams({
    SAMLResponse: Buffer.from(xml).toString('base64'),
    ...(relayState === undefined ? {} : { RelayState: relayState }),
  });
  const posted = await fetch(stack.url + new URL(of.acsUrl).pathname, { method: 'POST', body: form, redirect: 'manual' });
  if (posted.status !== 303) return { refused: ((await posted.json()) as { code: string }).code };
  const location = posted.headers.get('location') ?? '';
  if (!location.includes('/land?')) return toldOf(location);
  const landed = await browser.get(stack.url + new URL(location).pathname + new URL(location).search);
  return landed.status === 302
    ? toldOf(landed.headers.get('location') ?? '')
    : { refused: ((await landed.json()) as { code: string }).code };
}

/** A whole sign-in of somebody. */
async function signedIn(who: { id: string; email: string }, of = provider, more = {}) {
  const begun = await begin(of);
  const { sso_code: code = '' } = await deliver(begun, await idp.respond(who, { ...addressed(begun), ...more }), begun.state);
  return begun.browser.exchange(code);
}

describe('the good path', () => {
  test('our metadata demand signed assertions and name the key for what is encrypted; requests are signed', async () => {
    expect(metadata).toContain('WantAssertionsSigned="true"');
    expect(metadata).toContain(`Location="${provider.acsUrl}"`);
    expect(metadata).toMatch(/KeyDescriptor use="encryption"/);
    expect(metadata).not.toContain('PRIVATE');
    const { location, request } = await begin();
    expect(location.origin + location.pathname).toBe('https://idp.example/sso');
    expect(request).toContain(`AssertionConsumerServiceURL="${provider.acsUrl}"`);
    const signed = ['SAMLRequest', 'RelayState', 'SigAlg']
      .map((name) => `${name}=${encodeURIComponent(location.searchParams.get(name) ?? '')}`)
      .join('&');
    const signature = Buffer.from(location.searchParams.get('Signature') ?? '', 'base64');
    expect(createVerify('RSA-SHA256').update(signed).verify(certificate, signature)).toBe(true);
  });

  test('a signed assertion, a signed response, and an encrypted assertion lead to a session, of the same member each time', async () => {
    const who = person();
    const first = await signedIn(who);
    expect([first.status, first.body.tenant_id, first.body.role]).toEqual([200, mine?.tenantId, 'developer']);
    const encryption = { encryptionCert: certificate, encryptionPublicKey: certificate };
    for (const more of [{ signResponse: true }, encryption, { ...encryption, signResponse: true }])
      expect((await signedIn(who, provider, more)).body.user_id, Object.keys(more).join()).toBe(first.body.user_id);
    const me = await stack.request('GET', '/v1/me', { token: first.body.access_token as string });
    expect(me.body).toMatchObject({ email: who.email });
  });

  test('a provider that begins by itself is let in where its settings say so, and each assertion once', async () => {
    const open = await connect(mine as TestTenant, { idp_initiated: true, join_role: 'viewer' });
    const unasked = (of: Connected, who = person()) =>
      idp.respond(who, { audience: of.entityId, recipient: of.acsUrl, destination: of.acsUrl });
    const browser = new SsoBrowser(stack.url);
    const xml = await unasked(open);
    const told = await deliver({ browser, of: open }, xml, 'https://evil.example/');
    expect((await browser.exchange(told['sso_code'] ?? '')).status).toBe(200);
    // The list of used assertions is in Postgres: Redis may forget everything.
    await stack.redis.flushdb();
    expect(await deliver({ browser, of: open }, xml)).toEqual({ sso_error: 'failed' });
    expect(await deliver({ browser, of: provider }, await unasked(provider))).toEqual({ sso_error: 'failed' });
  });
});

type Addressed = ReturnType<typeof addressed>;

describe('a response that is not for us, here and now', () => {
  test.each<[string, (to: Addressed) => object]>([
    ['another audience', () => ({ audience: 'https://other.example' })],
    ['our name at another provider', () => ({ audience: provider.entityId.replace(/idp_\w+/, 'idp_01m8s6sgacen9v4q498yjp8gqm') })],
    ['another recipient', () => ({ recipient: 'https://other.example/acs' })],
    ['no recipient', () => ({ recipient: undefined })],
    ['another destination', () => ({ destination: 'https://other.example/acs' })],
    ['another issuer', () => ({ issuer: 'https://evil.example/entity' })],
    ['the answer to another request', () => ({ inResponseTo: `_${newUuid()}` })],
    ['the answer to no request', () => ({ inResponseTo: undefined })],
    ['expired', () => ({ lifetimeInSeconds: -120 })],
    ['not signed', () => ({ signAssertion: false })],
    ['only the response signed', () => ({ signAssertion: false, signResponse: true })],
    ['signed with SHA-1', () => ({ signatureAlgorithm: 'rsa-sha1', digestAlgorithm: 'sha1' })],
    ['a NameID for this time only', () => ({ nameIdentifierFormat: 'urn:oasis:names:tc:SAML:2.0:nameid-format:transient' })],
    [
      'encrypted for us with CBC',
      () => ({
        ...encryptedFor(),
        encryptionAlgorithm: 'http://www.w3.org/2001/04/xmlenc#aes256-cbc',
        disallowEncryptionWithInsecureAlgorithm: false,
      }),
    ],
    ['encrypted for us, and not signed', () => ({ ...encryptedFor(), signAssertion: false })],
  ])('%s', async (_what, change) => {
    const begun = await begin();
    const to = addressed(begun);
    const xml = await idp.respond(person(), { ...to, ...change(to) });
    expect(await deliver(begun, xml, begun.state)).toEqual({ sso_error: 'failed' });
  });

  const encryptedFor = () => ({ encryptionCert: certificate, encryptionPublicKey: certificate });

  test('signed by a stranger, who brings their own certificate along', async () => {
    const begun = await begin();
    expect(await deliver(begun, await stranger.respond(person(), addressed(begun)), begun.state)).toEqual({ sso_error: 'failed' });
  });

  test('a replay, with its state or with that of another sign-on, in this browser or another one', async () => {
    const begun = await begin();
    const xml = await idp.respond(person(), addressed(begun));
    expect(await deliver(begun, xml, begun.state)).toHaveProperty('sso_code');
    expect(await deliver(begun, xml, begun.state)).toEqual({ sso_error: 'failed' });
    const other = await begin();
    expect(await deliver(other, xml, other.state)).toEqual({ sso_error: 'failed' });
  });

  test('CSRF on log-in: what another browser has begun', async () => {
    const begun = await begin();
    const xml = await idp.respond(person(), addressed(begun));
    expect(await deliver({ browser: new SsoBrowser(stack.url), of: provider }, xml, begun.state)).toEqual({ refused: 'sso_flow_invalid' });
    const victim = await begin();
    expect(await deliver(victim, await idp.respond(person(), addressed(await begin())), victim.state)).toEqual({ sso_error: 'failed' });
  });

  test("P4: what another tenant's provider says, even with the same issuer and key, is nothing here, and its domains are its own", async () => {
    const evil = await connect(theirs as TestTenant, { join_role: 'admin', idp_initiated: true });
    const begun = await begin();
    const xml = await idp.respond(person(), addressed(begun));
    expect(await deliver({ browser: begun.browser, of: evil }, xml, begun.state)).toEqual({ refused: 'sso_flow_invalid' });
    const theirBegun = await begin(evil);
    expect(await deliver(theirBegun, await idp.respond(person(), addressed(theirBegun)), theirBegun.state)).toEqual({
      sso_error: 'email_unverified',
    });
    const lone = await begin(evil);
    expect(await deliver(lone, await idp.respond(person(), addressed({ ...lone, of: provider })), lone.state)).toEqual({
      sso_error: 'failed',
    });
  });

  test('an e-mail outside of the proven domains, each time', async () => {
    const begun = await begin();
    for (const email of ['ada@other.example', 'ada@sub.corp.example', 'ada', 'ada@corp.example.evil.example']) {
      const again = await begin();
      expect(await deliver(again, await idp.respond(person(email), addressed(again)), again.state), email).toEqual({
        sso_error: 'email_unverified',
      });
    }
    expect(begun.state).not.toBe('');
  });
});

describe('XML that is made to be read in two ways', () => {
  const assertionIn = (xml: string) => /<saml:Assertion[\s\S]*<\/saml:Assertion>/.exec(xml)?.[0] ?? '';
  const signatureIn = (xml: string) => /<Signature[\s\S]*<\/Signature>/.exec(xml)?.[0] ?? '';
  const bare = (assertion: string) => assertion.replace(signatureIn(assertion), '');
  /** The same assertion about somebody else, under another id unless `id` is to stay. */
  const evil = (assertion: string, id: 'new' | 'same' = 'new') => {
    const changedText = bare(assertion)
      .replace(/(<saml:NameID[^>]*>)[^<]*/, '$1root')
      .replace(/[\w-]+@corp\.example/g, 'root@corp.example');
    return id === 'same' ? changedText : changedText.replace(/ ID="[^"]*"/, ' ID="_evil"');
  };
  const swap = (xml: string, change: (assertion: string) => string) => xml.replace(assertionIn(xml), () => change(assertionIn(xml)));
  const within = (assertion: string, inner: string) => assertion.replace('</saml:Assertion>', `${inner}</saml:Assertion>`);
  const doctype = (body: string) => (xml: string) => `<!DOCTYPE r [${body}]>${xml}`;

  const attacks: [string, (xml: string) => string][] = [
    ['changed after it was signed', (xml) => xml.replace(/[\w-]+@corp\.example/g, 'root@corp.example')],
    ['signature taken away', (xml) => xml.replace(signatureIn(xml), '')],
    ['signature emptied', (xml) => xml.replace(/<SignatureValue>[^<]*/, '<SignatureValue>')],
    ['wrapping: evil before the signed one', (xml) => swap(xml, (a) => evil(a) + a)],
    ['wrapping: evil after the signed one', (xml) => swap(xml, (a) => a + evil(a))],
    ['wrapping: evil around the signed one', (xml) => swap(xml, (a) => within(evil(a), a))],
    ['wrapping: evil with the signature, the signed one beside', (xml) => swap(xml, (a) => within(evil(a), signatureIn(a)) + bare(a))],
    [
      'wrapping: evil with the signature, in which the signed one is',
      (xml) => swap(xml, (a) => within(evil(a), signatureIn(a).replace('</Signature>', `<Object>${bare(a)}</Object></Signature>`))),
    ],
    [
      'wrapping: evil with the signature around the signed one',
      (xml) => swap(xml, (a) => within(evil(a), signatureIn(a)).replace('<saml:Subject>', `${bare(a)}<saml:Subject>`)),
    ],
    [
      'wrapping: evil in an extension',
      (xml) => xml.replace('<samlp:Status>', `<samlp:Extensions>${evil(assertionIn(xml))}</samlp:Extensions><samlp:Status>`),
    ],
    [
      'wrapping: the signed one in an extension, evil in its place',
      (xml) => swap(xml, evil).replace('<samlp:Status>', `<samlp:Extensions>${assertionIn(xml)}</samlp:Extensions><samlp:Status>`),
    ],
    ['wrapping: the same id twice', (xml) => swap(xml, (a) => within(evil(a, 'same'), signatureIn(a)) + bare(a))],
    [
      'wrapping: a response around the response',
      (xml) => xml.replace(/ID="[^"]*"/, 'ID="_outer"').replace('</samlp:Response>', `<x>${xml}</x></samlp:Response>`),
    ],
    [
      'wrapping: evil inside the signature value',
      (xml) => swap(xml, (a) => a.replace('</Signature>', `<Object>${evil(a)}</Object></Signature>`)),
    ],
    ['two signatures', (xml) => swap(xml, (a) => a.replace(signatureIn(a), signatureIn(a) + signatureIn(a)))],
    ['a comment in the NameID', (xml) => xml.replace(/(<saml:NameID[^>]*>.{4})/, '$1<!-- -->')],
    ['a comment in the e-mail', (xml) => xml.replace('@corp.example', '@corp.example<!---->.evil')],
    ['an instruction', (xml) => xml.replace('<samlp:Status>', '<?x y?><samlp:Status>')],
    ['CDATA', (xml) => xml.replace(/(<saml:NameID[^>]*>)([^<]*)/, '$1<![CDATA[$2]]>')],
    ['a DTD', doctype('')],
    ['an external entity', doctype('<!ENTITY x SYSTEM "file:///etc/passwd">')],
    ['an external DTD', (xml) => `<!DOCTYPE r SYSTEM "http://127.0.0.1:9/x.dtd">${xml}`],
    [
      'a bomb of entities',
      doctype(`<!ENTITY a "aaaaaaaaaa">${Array.from({ length: 20 }, (_, i) => `<!ENTITY e${i} "${'&a;'.repeat(10)}">`).join('')}`),
    ],
    [
      'an algorithm that takes XSLT',
      (xml) => xml.replace('http://www.w3.org/2001/10/xml-exc-c14n#', 'http://www.w3.org/TR/1999/REC-xslt-19991116'),
    ],
    [
      'canonical form with comments',
      (xml) => xml.replaceAll('http://www.w3.org/2001/10/xml-exc-c14n#', 'http://www.w3.org/2001/10/xml-exc-c14n#WithComments'),
    ],
    [
      'HMAC under the public key',
      (xml) => xml.replace('http://www.w3.org/2001/04/xmldsig-more#rsa-sha256', 'http://www.w3.org/2001/04/xmldsig-more#hmac-sha256'),
    ],
    ['another outermost element', (xml) => `<x>${xml}</x>`],
    ['a status that is no success', (xml) => xml.replace('status:Success', 'status:Responder')],
    ['no XML', () => 'nonsense'],
    ['nothing', () => ' '],
    ['a NUL', (xml) => `${xml}\0`],
    ['deep', (xml) => xml.replace('<samlp:Status>', `${'<a>'.repeat(20_000)}${'</a>'.repeat(20_000)}<samlp:Status>`)],
    ['long', (xml) => xml.replace('<samlp:Status>', `<x>${'a'.repeat(140_000)}</x><samlp:Status>`)],
    [
      'many attributes',
      (xml) =>
        xml
          .replace('<samlp:Status>', `<x ${Array.from({ length: 12_000 }, (_, i) => `a${i}=""`).join(' ')}/><samlp:Status>`)
          .replace('status:Success', 'status:Responder'),
    ],
  ];

  test.each(attacks)('%s', async (_what, tamper) => {
    const begun = await begin();
    const honest = await idp.respond(person(), addressed(begun));
    const xml = tamper(honest);
    expect(xml).not.toBe(honest);
    const startedAt = performance.now();
    const told = await deliver(begun, xml, begun.state);
    // In an extension, which nobody reads, evil is as good as not there: the signed one counts.
    if (told['sso_code'] === undefined) expect([{ sso_error: 'failed' }, { refused: 'invalid_request' }]).toContainEqual(told);
    else
      expect(
        (await stack.request('GET', '/v1/me', { token: (await begun.browser.exchange(told['sso_code'])).body.access_token as string })).body
          .email,
      ).not.toMatch(/^root/);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
  });

  test('and nobody has become a member by it', async () => {
    const { body } = await stack.request('GET', '/v1/members?limit=100', { token: (mine as TestTenant).accessToken });
    expect((body.data as { email: string }[]).filter(({ email }) => email.startsWith('root'))).toEqual([]);
  });
});

test('certificates and settings can be changed, and SAML has no client secret', async () => {
  const token = (mine as TestTenant).accessToken;
  const change = (body: object, id = provider.id) => stack.request('PATCH', `/v1/identity-providers/${id}`, { token, body });
  expect((await change({ certificates: ['nonsense'] })).status).toBe(400);
  expect((await change({ client_secret: 'x' })).status).toBe(400);
  const changedTo = await change({ certificates: [stranger.certificate, idp.certificate], idp_initiated: false });
  expect(changedTo.body.saml).toMatchObject({ idp_initiated: false });
  expect(changedTo.body.saml.certificates).toHaveLength(2);
  expect((await signedIn(person())).status).toBe(200);
  const github = { name: 'GitHub', kind: 'github', client_id: 'x', client_secret: 'x' };
  const other = await stack.request('POST', '/v1/identity-providers', { token, body: github });
  expect((await change({ idp_initiated: true }, other.body.id as string)).status).toBe(400);
  expect(JSON.stringify(changedTo.body)).not.toContain('PRIVATE');
});
