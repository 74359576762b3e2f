import { isIPv4, isIPv6 } from 'node:net';

/**
 * The part of an address that one subscriber holds: an IPv4 address as it is, of IPv6 the /64 (a single customer has 2^64
 * addresses in it). IPv4 inside IPv6 counts as IPv4. Anything else is taken as it is.
 */
export function addressGroup(address: string): string {
  const [bare = ''] = address.split('%');
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare)?.[1];
  if (mapped !== undefined && isIPv4(mapped)) return mapped;
  if (!isIPv6(bare)) return bare;
  const [head = '', tail] = bare.split('::');
  const left = groupsOf(head);
  const right = tail === undefined ? [] : groupsOf(tail);
  // A dotted tail (::1.2.3.4) stands for two groups.
  const dotted = right.at(-1)?.includes('.') === true ? 1 : 0;
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length - dotted);
  const groups = [...left, ...Array.from({ length: zeros }, () => '0'), ...right];
  return `${groups
    .slice(0, 4)
    .map((group) => (Number.parseInt(group, 16) || 0).toString(16))
    .join(':')}::/64`;
}

function groupsOf(part: string): string[] {
  return part === '' ? [] : part.split(':');
}
