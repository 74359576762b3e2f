import { Secret, TOTP } from 'otpauth';
import { clock } from '../../../kernel/clock.ts';

/** RFC 6238 with what every authenticator app knows: SHA-1, 6 digits, 30 seconds. */
const parameters = { algorithm: 'SHA1', digits: 6, period: 30 } as const;
/** Random bytes of a secret (RFC 4226, section 4: at least 16, better 20). */
const secretBytes = 20;
/** Time steps that a phone's clock may be off, either way. */
const window = 1;

/** A new secret, in base32. */
export function newTotpSecret(): string {
  return new Secret({ size: secretBytes }).base32;
}

/** The address from which an authenticator app takes a secret; `account` stands beside it there. */
export function totpUrl(secret: string, account: string): string {
  return new TOTP({ ...parameters, issuer: 'Parley', label: account, secret }).toString();
}

/** The time step of which `code` is the one; undefined for none of those around now. A step counts once: whoever calls compares it with the last. */
export function totpStep(secret: string, code: string): number | undefined {
  if (!/^\d{6}$/.test(code)) return undefined;
  const now = clock.now();
  const delta = new TOTP({ ...parameters, secret }).validate({ token: code, window, timestamp: now });
  return delta === null ? undefined : Math.floor(now / 1_000 / parameters.period) + delta;
}
