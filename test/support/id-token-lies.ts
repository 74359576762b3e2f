import { createHmac } from 'node:crypto';
import { exportSPKI, generateKeyPair, importJWK, type JWTPayload, SignJWT } from 'jose';
import type { OAuth2Issuer } from 'oauth2-mock-server';

/** Makes another ID token of a good one; undefined for an access token in its place. */
export type Tamper = (idToken: string) => Promise<string | undefined>;
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const payloadOf = (token: string) => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as JWTPayload;
const kidOf = (token: string) => (JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as { kid: string }).kid;

/** Signs the payload with the provider's own key, changed; undefined takes a claim away. */
export const changedToken =
  (issuer: OAuth2Issuer, change: JWTPayload): Tamper =>
  async (token) => {
    const jwk = issuer.keys.get(kidOf(token));
    const payload = Object.fromEntries(Object.entries({ ...payloadOf(token), ...change }).filter(([, value]) => value !== undefined));
    return new SignJWT(payload).setProtectedHeader({ alg: 'RS256', kid: kidOf(token) }).sign(await importJWK(jwk as never, 'RS256'));
  };
const now = () => Math.floor(Date.now() / 1_000);

/** ID tokens that must not be taken, each with what is wrong about it, made of a good one of `issuer` for the client. */
export function idTokenLies(issuer: () => OAuth2Issuer, clientId: string, secret: string): [what: string, tamper: Tamper][] {
  const changed =
    (change: JWTPayload): Tamper =>
    async (token) =>
      changedToken(issuer(), change)(token);
  return [
    ['has no signature (alg none)', async (token) => `${part({ alg: 'none' })}.${token.split('.')[1]}.`],
    ['says none in other letters', async (token) => `${part({ alg: 'NonE' })}.${token.split('.')[1]}.`],
    [
      'is signed with the public key as a secret (HS256)',
      async (token) => {
        const jwk = issuer().keys.get(kidOf(token)) as { n: string; e: string };
        const pem = await exportSPKI((await importJWK({ kty: 'RSA', n: jwk.n, e: jwk.e }, 'RS256')) as never);
        const signed = `${part({ alg: 'HS256', kid: kidOf(token) })}.${token.split('.')[1]}`;
        return `${signed}.${createHmac('sha256', pem).update(signed).digest('base64url')}`;
      },
    ],
    [
      'is signed with the client secret (HS256)',
      async (token) => new SignJWT(payloadOf(token)).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(secret.padEnd(32, '0'))),
    ],
    [
      'is signed with another key under the same kid',
      async (token) => {
        const { privateKey } = await generateKeyPair('RS256');
        return new SignJWT(payloadOf(token)).setProtectedHeader({ alg: 'RS256', kid: kidOf(token) }).sign(privateKey);
      },
    ],
    [
      'was changed after it was signed',
      async (token) => token.replace(/\.([^.]+)\./, () => `.${part({ ...payloadOf(token), sub: 'root' })}.`),
    ],
    ['has another issuer', changed({ iss: 'https://issuer.example' })],
    ['has another audience', changed({ aud: 'somebody-else' })],
    ['has several audiences and another authorized party', changed({ aud: [clientId, 'other'], azp: 'other' })],
    ['has another nonce', changed({ nonce: 'another' })],
    ['has no nonce', changed({ nonce: undefined })],
    ['has expired', changed({ exp: now() - 3_600, iat: now() - 7_200 })],
    ['never expires', changed({ exp: undefined })],
    ['is not valid yet', changed({ nbf: now() + 3_600 })],
    ['names nobody', changed({ sub: undefined })],
    ['names the empty subject', changed({ sub: '' })],
    ['names a subject that is no text', changed({ sub: 42 as never })],
    ['names an endless subject', changed({ sub: 'x'.repeat(256) })],
    ['is an access token of the same provider', async () => undefined],
  ];
}
