import ipaddr from 'ipaddr.js';
import type { KeyedHash } from '../crypto/index.ts';
import type { RequestOrigin } from '../telemetry/index.ts';

/** Bits of an address that are kept in clear: the network that a provider announces, not the one that a household has. */
const clearBits = { ipv4: 24, ipv6: 48 };

/** Where a request came from, of the caller's address; a stranger text counts as an address that is not known. */
export function originOf(address: string, hash: KeyedHash): RequestOrigin {
  return { network: networkOf(address), addressHash: (tenantId) => hash.of('audit-address', tenantId, address).subarray(0, 16) };
}

/** The network of an address: `203.0.113.0/24`, `2001:db8:1::/48`. IPv4 inside IPv6 counts as IPv4. `unknown` for what is no address. */
export function networkOf(address: string): string {
  const [bare = ''] = address.split('%');
  if (!ipaddr.isValid(bare)) return 'unknown';
  const parsed = ipaddr.process(bare);
  const bits = clearBits[parsed.kind()];
  const bytes = parsed.toByteArray().map((byte, at) => (at * 8 < bits ? byte : 0));
  return `${ipaddr.fromByteArray(bytes).toString()}/${bits}`;
}
