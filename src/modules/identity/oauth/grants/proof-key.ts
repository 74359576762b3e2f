import { createHash, timingSafeEqual } from 'node:crypto';

/** 43 to 128 unreserved characters (RFC 7636 section 4.1). */
const verifierPattern = /^[\w.~-]{43,128}$/;
/** SHA-256 in base64url, the only method: `plain` would be the verifier itself, in a URL. */
export const challengePattern = /^[\w-]{43}$/;

/** Whether a verifier belongs to a challenge (RFC 7636 section 4.6, S256). */
export function provesKey(verifier: string, challenge: string): boolean {
  if (!verifierPattern.test(verifier)) return false;
  const made = Buffer.from(createHash('sha256').update(verifier).digest('base64url'));
  const given = Buffer.from(challenge);
  return made.length === given.length && timingSafeEqual(made, given);
}
