import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { loadTopics } from '../../../platform/config/index.ts';
import { type ModelsConfig, modelsConfig } from '../models.config.ts';
import { checkCredential } from './check-credential.ts';

it.each([
  [200, 'ok'],
  [401, 'credential'],
  [402, 'credential'],
  // A key that may not list models may be good for all that it is there for.
  [403, 'invalid_request'],
  [429, 'throttled'],
  [302, 'bad_response'],
  [503, 'server_error'],
])('a provider that answers %i to a trial says %s', async (status, result) => {
  const server = createServer((_req, res) => void res.writeHead(status).end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const config = loadTopics([modelsConfig], {}).get(modelsConfig.token) as ModelsConfig;
  const trial = { kind: 'compatible' as const, baseUrl, apiVersion: null, secret: 'sk', owner: { kind: 'platform' as const } };
  expect(await checkCredential(trial, config)).toBe(result);
  await new Promise((resolve) => server.close(resolve));
});
