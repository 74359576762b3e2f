import { lookup as resolve } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';

/** How a refused address is told, by a code that says that nothing was sent. */
const refusalCode = 'EHOSTUNREACH';

/**
 * Whether an address is one of the public internet: unicast, and in none of IANA's special-purpose registries (private, loopback,
 * link-local, shared, documentation, NAT64, 6to4, …), which is how `ipaddr.js` sorts them.
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  return ipaddr.process(address).range() === 'unicast';
}

/**
 * A look-up that gives public addresses only, for connections to hosts that tenants name: what is looked up is what is connected to,
 * so a name that changes its address between two questions wins nothing. A name with any other address is refused.
 */
export const lookupPublic: LookupFunction = (hostname, options, callback) => {
  resolve(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return callback(error, '');
    if (addresses.length === 0 || !addresses.every(({ address }) => isPublicAddress(address))) return callback(refused(), '');
    if (options.all === true) return callback(null, addresses);
    const [first] = addresses;
    callback(null, first?.address ?? '', first?.family);
  });
};

/** Whether a URL leads to a public host, as far as can be said now. An address in the URL itself is never looked up later. */
export function leadsToPublicHost(url: string): Promise<boolean> {
  const literal = literalHostOf(url);
  if (literal !== undefined) return Promise.resolve(isPublicAddress(literal));
  return new Promise((answer) => lookupPublic(new URL(url).hostname, {}, (error) => answer(error === null || !isRefusal(error))));
}

/** The address in a URL's host, where there is one instead of a name. */
export function literalHostOf(url: string): string | undefined {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
  return isIP(host) === 0 ? undefined : host;
}

class AddressRefused extends Error {
  override name = 'AddressRefused';
  readonly code = refusalCode;
}

function refused(): AddressRefused {
  return new AddressRefused('this host has an address that is not public');
}

function isRefusal(error: unknown): boolean {
  return error instanceof AddressRefused;
}
