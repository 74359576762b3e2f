import { afterAll, beforeAll, expect, test } from 'vitest';
import { newUuid } from '../../../kernel/ids.ts';
import { KeyedHash } from '../../../platform/crypto/index.ts';
import { RedisConnections } from '../../../platform/redis/index.ts';
import { testStack } from '../../../../test/support/stack.ts';
import { type IdentityConfig, identityConfig } from '../identity.config.ts';
import { AttemptLimits } from './attempt-limits.ts';

let stack: Awaited<ReturnType<typeof testStack>>;
let limits: AttemptLimits;
let hash: KeyedHash;

beforeAll(async () => {
  stack = await testStack();
  hash = stack.app.get(KeyedHash);
  const config = { ...stack.app.get<IdentityConfig>(identityConfig.token), signInPerAccountPerMinute: 2, signInPerAddressPerMinute: 3 };
  limits = new AttemptLimits(stack.app.get(RedisConnections), hash, config);
});
afterAll(() => stack.close());

const account = (email: string) => hash.of('email', email);
const address = () => `2001:db8:${Math.floor(Math.random() * 65_536).toString(16)}:${Math.floor(Math.random() * 65_536).toString(16)}::1`;

test('an account is limited wherever the attempts come from, with the time to wait in the headers', async () => {
  const email = account(newUuid());
  await limits.signIn(address(), email);
  await limits.signIn(address(), email);
  const error: unknown = await limits.signIn(address(), email).catch((refusal: unknown) => refusal);
  expect(error).toMatchObject({ status: 429, code: 'rate_limited', options: { retryAfter: expect.any(Number) } });
  const { headers } = (error as { options: { headers: Record<string, string> } }).options;
  expect(headers['ratelimit-policy']).toBe('"sign-in-account";q=2;w=60');
  expect(headers['ratelimit']).toMatch(/^"sign-in-account";r=0;t=\d+$/);
  await expect(limits.signIn(address(), account(newUuid()))).resolves.toBeUndefined();
});

test('an address waits longer for an e-mail each time that it has used up its tries; a success begins anew', async () => {
  const [home, email] = [address(), account(newUuid())];
  const { commands } = stack.app.get(RedisConnections);
  const waits: number[] = [];
  for (let round = 0; round < 6; round += 1) {
    for (let at = 0; at < 2; at += 1) await limits.signIn(home, email).catch(() => undefined);
    const refusal: unknown = await limits.signIn(home, email).catch((error: unknown) => error);
    waits.push((refusal as { options: { retryAfter: number } }).options.retryAfter);
    // The wait is over.
    await commands.del(...(await commands.keys('limit:sign-in-pair:*')), ...(await commands.keys('limit:sign-in-a*')));
  }
  expect(waits).toEqual([60, 120, 240, 480, 900, 900]);
  await limits.signedIn(home, email);
  for (let at = 0; at < 2; at += 1) await limits.signIn(home, email);
  await expect(limits.signIn(home, email)).rejects.toMatchObject({ options: { retryAfter: 60 } });
});

test('whoever guesses from everywhere keeps nobody out who comes from where they signed in before', async () => {
  const [home, email] = [address(), account(newUuid())];
  await limits.signIn(home, email);
  await limits.signedIn(home, email);
  for (let at = 0; at < 20; at += 1) await limits.signIn(address(), email).catch(() => undefined);
  await expect(limits.signIn(address(), email)).rejects.toMatchObject({ status: 429 });
  await expect(limits.signIn(home, email)).resolves.toBeUndefined();
});

test('an address is limited over all accounts, its whole IPv6 network at once, without spending the accounts', async () => {
  const network = address();
  for (let i = 1; i <= 3; i += 1) await limits.signIn(`${network.slice(0, -1)}${i}`, account(newUuid()));
  const email = account(newUuid());
  for (let i = 0; i < 5; i += 1) await expect(limits.signIn(network, email)).rejects.toMatchObject({ status: 429 });
  await expect(limits.signIn(address(), email)).resolves.toBeUndefined();
});

test('Redis sees no address and no e-mail', async () => {
  await limits.signIn('192.0.2.77', account('ada@example.com'));
  const keys = (await stack.app.get(RedisConnections).commands.keys('limit:*')).join();
  expect(keys).toContain('limit:sign-in-address:');
  expect(keys).not.toMatch(/192\.0\.2\.77|@|2001:db8/);
});

test('without Redis nobody gets to try', async () => {
  const away = { commands: { status: 'reconnecting', defineCommand: () => undefined } } as unknown as RedisConnections;
  const config = stack.app.get<IdentityConfig>(identityConfig.token);
  await expect(new AttemptLimits(away, hash, config).signIn(address(), account('x'))).rejects.toMatchObject({ status: 503 });
});
