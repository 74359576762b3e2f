import { createHmac } from 'node:crypto';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { beforeEach, expect, test } from 'vitest';
import { replaceClock } from '../../../kernel/clock.ts';
import { newUuid, publicId } from '../../../kernel/ids.ts';
import { loadTopics } from '../../../platform/config/index.ts';
import { type Keystore, LocalMasterKey, MasterKeys } from '../../../platform/crypto/index.ts';
import type { HttpConfig } from '../../../platform/http/index.ts';
import { type IdentityConfig, identityConfig } from '../identity.config.ts';
import { AccessTokens } from '../signing/access-tokens.ts';
import { SigningKeys } from '../signing/signing-keys.ts';
import { VisitorTokens } from '../visitors/visitor-tokens.ts';
import type { Visitors } from '../visitors/visitors.service.ts';
import type { ApiKeyLookup } from '../api-keys/api-key-lookup.ts';
import { AccessTokenStrategy } from './access-token.strategy.ts';
import type { LiveGrants } from '../oauth/grants/live-grants.ts';
import { OAuthAccessTokens } from '../oauth/tokens/oauth-access-tokens.ts';
import { OAuthTokenStrategy } from '../oauth/tokens/oauth-token.strategy.ts';
import { ApiKeyStrategy } from './api-key.strategy.ts';
import { CredentialPassport } from './credential-passport.ts';
import type { LiveSessions } from './live-sessions.ts';

const issuer = 'https://parley.example';
const http = { port: 3000, publicUrl: issuer } as HttpConfig;
const config = loadTopics([identityConfig], {}).get(identityConfig.token) as unknown as IdentityConfig;
const subject = { tenantId: newUuid(), userId: newUuid(), sessionId: newUuid(), role: 'developer' as const };

type StoredKey = Awaited<ReturnType<Keystore['signingKeys']>>[number];

/** A keystore in memory that counts its reads and can be away. */
class MemoryKeystore {
  readonly stored: StoredKey[] = [];
  reads = 0;
  away = false;

  async signingKeys(): Promise<StoredKey[]> {
    this.reads += 1;
    if (this.away) throw Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
    return [...this.stored];
  }

  async addFirstSigningKey(key: StoredKey): Promise<boolean> {
    if (this.stored.length > 0) return false;
    this.stored.push(key);
    return true;
  }
}

let keystore: MemoryKeystore;
let keys: SigningKeys;
let tokens: AccessTokens;
let passport: CredentialPassport;
let live: boolean;

const newKeys = () => new SigningKeys(keystore as unknown as Keystore, new MasterKeys(new LocalMasterKey(Buffer.alloc(32, 1))));

function passportOver(signing: SigningKeys): CredentialPassport {
  const assurance = { strong: false, provenAt: 0, factorHeld: false, factorDemanded: false };
  const sessions = { assurance: async () => (live ? assurance : undefined) } as unknown as LiveSessions;
  const grants = { find: async () => (live ? { userId: null, role: null } : undefined) } as unknown as LiveGrants;
  const oauth = new OAuthTokenStrategy(new OAuthAccessTokens(signing, http), grants);
  return new CredentialPassport(new AccessTokenStrategy(signing, sessions, http), new ApiKeyStrategy({} as ApiKeyLookup), oauth);
}

beforeEach(() => {
  live = true;
  keystore = new MemoryKeystore();
  keys = newKeys();
  tokens = new AccessTokens(keys, http, config);
  passport = passportOver(keys);
});

const principalOf = (token: string) => passport.principalOf('access-token', token);
const refused = expect.objectContaining({ status: 401, code: 'unauthenticated' });
const encode = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** A token signed by our own key with chosen claims and header. */
async function signed(claims: Record<string, unknown>, header: Record<string, unknown> = {}): Promise<string> {
  const { kid, privateKey } = await keys.current();
  const now = Math.floor(Date.now() / 1000);
  const usual = {
    iss: issuer,
    aud: 'parley',
    sub: publicId('user', subject.userId),
    tid: publicId('tenant', subject.tenantId),
    sid: publicId('session', subject.sessionId),
    role: 'developer',
    iat: now,
    exp: now + 900,
    jti: newUuid(),
  };
  return new SignJWT({ ...usual, ...claims }).setProtectedHeader({ alg: 'ES256', kid, typ: 'at+jwt', ...header }).sign(privateKey);
}

test('an issued token gives its principal', async () => {
  const { token, expiresIn } = await tokens.issue(subject);
  expect(expiresIn).toBe(900);
  const principal = await principalOf(token);
  expect(principal).toMatchObject({ kind: 'user', ...subject });
  expect(principal.permissions.has('bot.create')).toBe(true);
  expect(principal.permissions.has('bot.delete')).toBe(false);
});

test('a token made by hand like ours is taken, so that the refusals below refuse for their own reason', async () => {
  await expect(principalOf(await signed({}))).resolves.toMatchObject({ kind: 'user' });
});

test('a token whose session is not live is refused', async () => {
  const { token } = await tokens.issue(subject);
  live = false;
  await expect(principalOf(token)).rejects.toEqual(refused);
});

test('wrong claims are refused', async () => {
  const now = Math.floor(Date.now() / 1000);
  const wrong: Record<string, unknown>[] = [
    { iss: 'https://evil.example' },
    { aud: 'parley:visitor' },
    { aud: undefined },
    { exp: now - 60 },
    { exp: undefined },
    { nbf: now + 600 },
    { sub: publicId('tenant', subject.userId) },
    { tid: 'ten_nonsense' },
    { sid: undefined },
    { role: 'root' },
    { role: undefined },
  ];
  for (const claims of wrong) await expect(principalOf(await signed(claims)), JSON.stringify(claims)).rejects.toEqual(refused);
});

test('wrong headers are refused', async () => {
  for (const header of [{ typ: 'JWT' }, { typ: undefined }, { typ: 'visitor+jwt' }, { kid: 'other' }, { kid: undefined }]) {
    await expect(principalOf(await signed({}, header)), JSON.stringify(header)).rejects.toEqual(refused);
  }
});

test('no other algorithm passes: none, or HMAC keyed with our public key', async () => {
  const { kid } = await keys.current();
  const [, payload] = (await signed({})).split('.');
  const pem = (await keys.publicKey(kid))?.pem ?? '';
  const none = `${encode({ alg: 'none', kid, typ: 'at+jwt' })}.${payload}.`;
  const unsigned = `${encode({ alg: 'HS256', kid, typ: 'at+jwt' })}.${payload}`;
  const hmac = `${unsigned}.${createHmac('sha256', pem).update(unsigned).digest('base64url')}`;
  for (const token of [none, hmac]) await expect(principalOf(token)).rejects.toEqual(refused);
});

test('a key that the token brings along is not used', async () => {
  const evil = await generateKeyPair('ES256', { extractable: true });
  const { kid } = await keys.current();
  const [, payload = ''] = (await signed({})).split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
  const token = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', kid, typ: 'at+jwt', jwk: await exportJWK(evil.publicKey) })
    .sign(evil.privateKey);
  await expect(principalOf(token)).rejects.toEqual(refused);
});

test('damaged tokens are refused, never an internal error', async () => {
  const token = await signed({});
  const [header, payload, signature] = token.split('.') as [string, string, string];
  const damaged = [
    '',
    '.',
    '..',
    'x',
    'a.b.c',
    `${header}.${payload}`,
    `${header}.${payload}.`,
    `${header}..${signature}`,
    `${token}.x`,
    `${token}x`,
  ];
  damaged.push(
    `${header}.${encode('not json')}.${signature}`,
    `${encode('[]')}.${payload}.${signature}`,
    `${encode('null')}.${payload}.${signature}`,
  );
  damaged.push(`${header}.${encode({ sub: 'x' })}.${signature}`, `${header}.${payload}.${'A'.repeat(86)}`, `${header}.${payload}.AAAA`);
  for (const text of damaged) await expect(principalOf(text), text).rejects.toEqual(refused);
});

test('visitor tokens and access tokens do not pass for each other', async () => {
  const visitors = { isWelcome: async () => true } as unknown as Visitors;
  const visitorTokens = new VisitorTokens(keys, visitors, http, config);
  const ids = { tenantId: newUuid(), botId: newUuid(), visitorId: newUuid() };
  const visitorToken = await visitorTokens.issue(ids);
  expect(await visitorTokens.verify(visitorToken)).toEqual(ids);
  await expect(principalOf(visitorToken)).rejects.toEqual(refused);
  const { token } = await tokens.issue(subject);
  for (const other of [token, '', 'a.b.c', `${visitorToken}x`]) {
    await expect(visitorTokens.verify(other)).rejects.toMatchObject({ status: 401, code: 'visitor_token_invalid' });
  }
});

test('a token of the OAuth server that was verified a moment ago is refused once it has expired, or its grant has ended', async () => {
  const granted = { tenantId: newUuid(), clientId: newUuid(), grantId: newUuid(), scopes: ['bot.read'] };
  const token = await new OAuthAccessTokens(keys, http).issue(granted, 10);
  const principal = () => passport.principalOf('oauth-token', token);
  await expect(principal()).resolves.toMatchObject({ kind: 'oauth_client', clientId: granted.clientId });
  await expect(principalOf(token)).rejects.toEqual(refused);
  live = false;
  await expect(principal()).rejects.toEqual(refused);
  live = true;
  const restore = replaceClock({ now: () => Date.now() + 20_000 });
  await expect(principal()).rejects.toEqual(refused);
  restore();
});

test('replicas that start together sign with the same key', async () => {
  const replicas = [newKeys(), newKeys(), newKeys()];
  const kids = await Promise.all(replicas.map(async (replica) => (await replica.current()).kid));
  expect(new Set(kids).size).toBe(1);
  expect(keystore.stored).toHaveLength(1);
  const stored = JSON.stringify(keystore.stored.map(({ publicJwk }) => publicJwk));
  expect(stored).not.toContain('"d"');
  expect(keystore.stored[0]?.wrappedPrivateKey.toString('latin1')).not.toContain('"crv"');
});

test('unknown key ids do not make us read the keystore again and again', async () => {
  await keys.current();
  const before = keystore.reads;
  for (let i = 0; i < 20; i += 1) await principalOf(await signed({}, { kid: `made-up-${i}` })).catch(() => undefined);
  expect(keystore.reads).toBe(before);
});

test('a keystore that is away is not the fault of the credential: 503, not 401', async () => {
  const token = await signed({});
  keystore.away = true;
  await expect(passportOver(newKeys()).principalOf('access-token', token)).rejects.toMatchObject({ status: 503 });
});
