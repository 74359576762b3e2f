import { isIP } from 'node:net';
import { anyOf } from '../context.ts';
import type { Finding, Recognizer } from '../recognizer.ts';

const four = /(?:\d{1,3}\.){3}\d{1,3}/g;
const six = /(?<![\p{L}\p{N}_:.])(?:[0-9a-f]{0,4}:){2,7}(?:(?:\d{1,3}\.){3}\d{1,3}|[0-9a-f]{1,4})?(?![\p{L}\p{N}_:])/giu;

/** IPv4 and IPv6 addresses, with or without ports and brackets around them. */
export const ipAddress: Recognizer = {
  name: 'ip_address',
  kinds: ['IP_ADDRESS'],
  context: { against: anyOf('version,v!,release,build,firmware,rev!,section,chapter,kapitel,firefox,chrome,safari') },
  find({ text }) {
    const found: Finding[] = [];
    for (const { 0: address, index } of text.matchAll(four)) {
      const end = index + address.length;
      if (
        /[\d.]$/.test(text.slice(index - 1, index)) ||
        /^(?:\d|\.\d)/.test(text.slice(end, end + 2)) ||
        /[\p{L}_]$/u.test(text.slice(Math.max(0, index - 1), index))
      )
        continue;
      if (isIP(address) === 4) found.push({ kind: 'IP_ADDRESS', start: index, end, confidence: 0.75 });
    }
    for (const { 0: address, index } of text.includes(':') ? text.matchAll(six) : []) {
      // Short ones are as likely to be something else's double colon.
      if (isIP(address) === 6 && address.length > 2)
        found.push({ kind: 'IP_ADDRESS', start: index, end: index + address.length, confidence: address.length < 6 ? 0.45 : 0.9 });
    }
    return found;
  },
};
