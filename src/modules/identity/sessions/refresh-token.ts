import { newSecret } from '../../../kernel/ids.ts';

const prefix = 'prt_';
const pattern = /^prt_[\w-]{43}$/;

/** A new refresh token: 256 random bits. */
export function newRefreshToken(): string {
  return prefix + newSecret(32);
}

/** True when `text` has the form of a refresh token. */
export function isRefreshTokenShaped(text: string): boolean {
  return pattern.test(text);
}
