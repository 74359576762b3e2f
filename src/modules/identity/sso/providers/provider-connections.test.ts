import { expect, test } from 'vitest';
import type { KeyRing } from '../../../../platform/crypto/index.ts';
import { loadTopics } from '../../../../platform/config/index.ts';
import { type IdentityConfig, identityConfig } from '../../identity.config.ts';
import type { ProviderDraft } from './identity-providers.repository.ts';
import { ProviderConnections } from './provider-connections.ts';

const config = loadTopics([identityConfig], {}).get(identityConfig.token) as IdentityConfig;

test.each([
  'http://127.0.0.1:9',
  'http://login.example.com',
  'https://127.0.0.1:9',
  'https://localhost:9',
  'https://169.254.169.254',
  'https://[::1]',
  'https://[::ffff:10.0.0.1]',
])('%s is connected only where the operator allows that', async (issuer) => {
  const connections = new ProviderConnections({} as KeyRing, config);
  const draft = { kind: 'oidc', issuer, clientId: 'x' } as ProviderDraft;
  await expect(connections.check(draft)).rejects.toMatchObject({ status: 422, code: 'address_not_allowed' });
  await connections.onApplicationShutdown();
});
