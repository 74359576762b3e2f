import { newSecret } from '../../../../kernel/ids.ts';
import type { KeyedHash } from '../../../../platform/crypto/index.ts';

/** Seconds in which a code counts: it goes from one address bar to one request (RFC 6749 section 4.1.2 allows ten minutes). */
export const codeSeconds = 60;

/** A new code: 256 random bits. */
export function newCode(): string {
  return `oac_${newSecret(32)}`;
}

/** How a code is stored. */
export function codeHashOf(hash: KeyedHash, tenantId: string, code: string): Buffer {
  return hash.of('oauth-code', tenantId, code);
}
