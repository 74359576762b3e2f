import type { Finding, Recognizer } from '../recognizer.ts';

/** Longest parts by RFC 5321, 4.5.3.1, in characters. */
const maxLocal = 64;
const maxDomain = 255;

const localBefore = /[\p{L}\p{N}.!$%'*+^_`{|}~-]{1,64}$/u;
const domainAfter = /^(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?\.){1,8}(?:[\p{L}]{2,24}|xn--[a-z0-9-]{2,59})/iu;
const addressAfter = /^\[(?:\d{1,3}\.){3}\d{1,3}\]/;

/** E-mail addresses (RFC 5322's dot-atoms without the signs that URLs put between things, and international ones), found from their sign outwards. */
export const email: Recognizer = {
  name: 'email',
  kinds: ['EMAIL_ADDRESS'],
  find({ text }) {
    const found: Finding[] = [];
    for (let at = text.indexOf('@'); at !== -1; at = text.indexOf('@', at + 1)) {
      const local = localBefore.exec(text.slice(Math.max(0, at - maxLocal), at))?.[0].replace(/^[.'`{|}*!$%^~-]+/, '') ?? '';
      const ahead = text.slice(at + 1, at + 1 + maxDomain);
      const domain = (domainAfter.exec(ahead) ?? addressAfter.exec(ahead))?.[0];
      if (local === '' || local.endsWith('.') || local.includes('..') || domain === undefined) continue;
      found.push({ kind: 'EMAIL_ADDRESS', start: at - local.length, end: at + 1 + domain.length, confidence: 0.95 });
    }
    return found;
  },
};
