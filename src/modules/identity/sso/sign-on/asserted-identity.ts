/** What a provider has said about who signs in, once everything about its answer is verified. */
export interface AssertedIdentity {
  /** Who it is there, for ever; at most 255 characters. */
  subject: string;
  /** Personal. Undefined where nothing was said that has the form of an e-mail. */
  email: string | undefined;
  /** Whether the provider says that the mailbox is theirs, and may say so. */
  emailVerified: boolean;
}

/** What belongs to one sign-on, from its start to its callback. */
export interface SignOnSecrets {
  state: string;
  /** Of PKCE (RFC 7636). */
  verifier: string;
  nonce: string;
}

const email = /^[^\s@\p{Cc}]{1,64}@(?:[a-z0-9-]+\.)+[a-z0-9-]{2,63}$/iu;

/**
 * A claimed e-mail in the form in which they are compared; undefined for what is none. A text that only becomes one, or another one, by
 * normalisation is none: a provider may have given that mailbox to somebody else.
 */
export function claimedEmail(claim: unknown): string | undefined {
  if (typeof claim !== 'string' || claim.length > 254 || !email.test(claim) || claim !== claim.normalize('NFKC')) return undefined;
  return claim.toLowerCase();
}

/** The domain of an e-mail, in lower case. */
export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1).toLowerCase();
}
