import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { madeCredential } from '../../../../test/support/made-target.ts';
import { loadTopics } from '../../../platform/config/index.ts';
import { newUuid } from '../../../kernel/ids.ts';
import { ModelError } from '../model-provider.ts';
import { type ModelsConfig, modelsConfig } from '../models.config.ts';
import type { TargetCredential } from '../routing/target.ts';
import { checkCredential } from './check-credential.ts';
import { openProvider } from './open-provider.ts';

const seen: string[] = [];
let inside: Server;
let redirecting: Server;
beforeAll(async () => {
  inside = await listening((path) => {
    seen.push(path);
    return { status: 200, headers: {} };
  });
  redirecting = await listening(() => ({ status: 302, headers: { location: `${urlOf(inside)}/secret` } }));
});
beforeEach(() => seen.splice(0));
afterAll(() => {
  inside.close();
  redirecting.close();
});

async function listening(answer: (path: string) => { status: number; headers: Record<string, string> }): Promise<Server> {
  const server = createServer((request, response) => {
    const { status, headers } = answer(request.url ?? '');
    response.writeHead(status, headers).end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

const urlOf = (server: Server, host = '127.0.0.1') => `http://${host}:${(server.address() as AddressInfo).port}`;
const configOf = (env: Record<string, string> = {}) => loadTopics([modelsConfig], env).get(modelsConfig.token) as ModelsConfig;
const ofTenant = { kind: 'tenant' as const, tenantId: newUuid() };

/** Has a provider asked; gives what became of it. */
async function ask(credential: TargetCredential, config = configOf()): Promise<string> {
  try {
    const provider = openProvider(credential, 'key', config);
    const request = { model: 'm', messages: [], maxOutputTokens: 1, signal: new AbortController().signal, deadlineAt: Date.now() + 3_000 };
    try {
      await provider.stream(request, () => undefined);
      return 'answered';
    } finally {
      await provider.close();
    }
  } catch (error) {
    return error instanceof ModelError ? `${error.failure}${error.unserved ? ', unserved' : ''}` : String(error);
  }
}

it.each(['127.0.0.1', 'localhost', '[::ffff:127.0.0.1]'])('a tenant’s provider at %s is never connected to', async (host) => {
  const credential = madeCredential('c', { owner: ofTenant, baseUrl: urlOf(inside, host) });
  for (const kind of ['compatible', 'azure', 'anthropic'] as const)
    expect(await ask({ ...credential, kind })).toBe('unreachable, unserved');
  expect(await checkCredential({ ...credential, secret: 'key' }, configOf())).toBe('unreachable');
  expect(seen).toEqual([]);
});

it('is, where the operator allows it, and for the platform’s own', async () => {
  const credential = madeCredential('c', { owner: ofTenant, baseUrl: urlOf(inside, 'localhost') });
  expect(await ask(credential, configOf({ MODEL_ALLOW_PRIVATE_URLS: 'true' }))).toBe('bad_response');
  expect(await ask({ ...credential, owner: { kind: 'platform' } })).toBe('bad_response');
  expect(seen).toEqual(['/chat/completions', '/chat/completions']);
});

it('redirects are not followed, by the trial neither', async () => {
  const config = configOf({ MODEL_ALLOW_PRIVATE_URLS: 'true' });
  const credential = madeCredential('c', { owner: ofTenant, baseUrl: urlOf(redirecting) });
  expect(await ask(credential, config)).not.toBe('answered');
  expect(await checkCredential({ ...credential, secret: 'key' }, config)).toBe('bad_response');
  expect(seen).toEqual([]);
});
