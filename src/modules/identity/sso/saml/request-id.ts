/** The id of a request, as XML wants it, out of what is random about a sign-on. */
export function requestIdOf(nonce: string): string {
  return `_${nonce}`;
}
