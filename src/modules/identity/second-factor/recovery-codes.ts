import { randomBytes } from 'node:crypto';

/** Codes that somebody gets at a time. */
export const codesAtOnce = 10;
/** Crockford's alphabet: nothing that is read for something else. */
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const length = 12;

/** Codes for a drawer: 60 random bits each, `XXXX-XXXX-XXXX`. */
export function newRecoveryCodes(): string[] {
  return Array.from({ length: codesAtOnce }, () => {
    const letters = [...randomBytes(length)].map((byte) => alphabet.charAt(byte % alphabet.length)).join('');
    return `${letters.slice(0, 4)}-${letters.slice(4, 8)}-${letters.slice(8)}`;
  });
}

/** A code as it is compared: however somebody has typed it. */
export function normalisedCode(typed: string): string {
  return typed.toUpperCase().replaceAll(/[\s-]/g, '').replaceAll('O', '0').replaceAll(/[IL]/g, '1');
}
