import { expect, it, test } from 'vitest';
import { isPublicAddress, leadsToPublicHost, literalHostOf, lookupPublic } from './public-addresses.ts';

test.each([
  ...['127.0.0.1', '10.1.2.3', '172.16.0.1', '192.168.1.1', '169.254.169.254', '100.64.0.1', '0.0.0.0', '255.255.255.255', '224.0.0.1'],
  ...['192.0.2.1', '198.18.0.1', '240.0.0.1', '::1', '::', 'fe80::1', 'fc00::1', 'fd12::1', 'ff02::1', '::ffff:127.0.0.1', '::ffff:a00:1'],
  ...['64:ff9b::a00:1', '2002:a00:1::', '2001:db8::1', '2001::1', 'nonsense', ''],
])('%j is no public address', (address) => expect(isPublicAddress(address)).toBe(false));

test.each(['1.1.1.1', '8.8.8.8', '172.32.0.1', '2606:4700::1111', '::ffff:8.8.8.8'])('%s is one', (address) =>
  expect(isPublicAddress(address)).toBe(true),
);

test.each([
  ['https://127.0.0.1/v1', '127.0.0.1'],
  ['https://[::1]:8080/', '::1'],
  ['https://2130706433/', '127.0.0.1'],
  ['https://0x7f.1/', '127.0.0.1'],
  ['https://example.com', undefined],
])('the address in %s is %s', (url, address) => expect(literalHostOf(url)).toBe(address));

it('a name that leads to this machine is refused when it is looked up', async () => {
  const looked = await new Promise<unknown>((resolve) =>
    lookupPublic('localhost', { all: true }, (error, found) => resolve(error ?? found)),
  );
  expect(looked).toMatchObject({ name: 'AddressRefused', code: 'EHOSTUNREACH' });
  expect(await leadsToPublicHost('https://localhost/v1')).toBe(false);
  expect(await leadsToPublicHost('https://[fd00::1]/v1')).toBe(false);
  // Nobody knows where it leads: it is looked at again when it is connected to.
  expect(await leadsToPublicHost('https://nobody.invalid/v1')).toBe(true);
});
