/** The parts of a Node request (plain or upgrade) that say which credential it carries. */
export interface BearerSource {
  headers: { authorization?: string | undefined };
  /** Names and values in turn, as they came. */
  rawHeaders: string[];
}

/** Longest credential that is looked at, in characters. */
const maxCredentialLength = 4_096;

/**
 * The credential of `Authorization: Bearer …` (RFC 6750; the scheme in any case), or undefined when there is none, it is
 * malformed, or the header came more than once: two parties could each believe another one.
 */
export function bearerOf(request: BearerSource): string | undefined {
  const { authorization } = request.headers;
  if (typeof authorization !== 'string' || authorization.length > maxCredentialLength) return undefined;
  const names = request.rawHeaders.filter((_text, index) => index % 2 === 0);
  if (names.filter((name) => name.toLowerCase() === 'authorization').length > 1) return undefined;
  return /^bearer +([\w.~+/-]+=*)$/i.exec(authorization)?.[1];
}
