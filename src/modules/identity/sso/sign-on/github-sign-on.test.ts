import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { allowInsecureRequests, ClientSecretPost, Configuration } from 'openid-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ProviderRow } from '../providers/identity-providers.repository.ts';
import { githubFinish, githubMetadata, githubStart } from './github-sign-on.ts';

let server: Server;
let url: string;
let said: { user: unknown; emails: unknown; token: unknown };
const asked: string[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const answers: Record<string, unknown> = {
      '/login/oauth/access_token': said.token,
      '/api/v3/user': said.user,
      '/api/v3/user/emails': said.emails,
    };
    request
      .resume()
      .on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answers[request.url ?? ''])));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

const secrets = { state: 's'.repeat(43), verifier: 'v'.repeat(43), nonce: 'n' };
const token = { access_token: 'gho_x', token_type: 'bearer', scope: '' };
const user = { id: 583_231, login: 'octocat' };
const email = { email: 'Ada@example.com', primary: true, verified: true };

function finish() {
  const connection = new Configuration(githubMetadata(url), 'client', {}, ClientSecretPost('secret'));
  allowInsecureRequests(connection);
  const provider = { issuer: url, scopes: ['read:user', 'user:email'] } as ProviderRow;
  return {
    connection,
    provider,
    answer: githubFinish(connection, provider, new URL(`https://here.example/callback?code=c&state=${secrets.state}`), secrets),
  };
}

test('somebody is their number and their verified primary e-mail, asked of the server itself', async () => {
  said = { token, user, emails: [{ ...email, email: 'other@example.com', primary: false }, email] };
  expect(await finish().answer).toEqual({ subject: '583231', email: 'ada@example.com', emailVerified: true });
  expect(asked).toEqual(['POST /login/oauth/access_token', 'GET /api/v3/user', 'GET /api/v3/user/emails']);
});

test.each<[string, unknown, boolean]>([
  ['an e-mail that is not verified', [{ ...email, verified: false }], false],
  ['a verified one that is not primary', [{ ...email, primary: false }], false],
  ['none', [], false],
])('%s is no verified e-mail', async (_what, emails, verified) => {
  said = { token, user, emails };
  expect((await finish().answer).emailVerified).toBe(verified);
});

test.each<[string, Partial<typeof said>]>([
  ['a number that is a text', { user: { id: '583231' } }],
  ['no number', { user: { login: 'octocat' } }],
  ['another shape of e-mails', { emails: { message: 'Bad credentials' } }],
  ['no token', { token: { error: 'bad_verification_code' } }],
])('%s is refused', async (_what, more) => {
  said = { token, user, emails: [email], ...more };
  await expect(finish().answer).rejects.toThrow();
});

test('the request has a state and PKCE', async () => {
  const { connection, provider, answer } = finish();
  await answer.catch(() => undefined);
  const start = await githubStart(connection, provider, 'https://here.example/callback', secrets);
  expect(start.href).toContain(`${url}/login/oauth/authorize?`);
  expect(Object.fromEntries(start.searchParams)).toMatchObject({
    state: secrets.state,
    code_challenge_method: 'S256',
    scope: 'read:user user:email',
  });
});
