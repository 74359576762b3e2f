const loopback = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * Whether a code may be sent to this address: https, http on the own machine, or a scheme of an app's own, which has a dot in it (RFC 8252 section 7.1), so
 * that `javascript:` and the like are none. Absolute, without fragment, user name or wildcard. Later it is compared as a whole, character by
 * character (RFC 9700 section 4.1.3): there is nothing to be read in two ways.
 */
export function isRedirectUri(text: string): boolean {
  // Printable ASCII without `"`, `#`, `*`, `<`, `>` and `\`.
  if (!/^[!$-)+-;=?-[\]-~]{1,500}$/.test(text) || !URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  if (username !== '' || password !== '') return false;
  if (protocol === 'https:') return hostname !== '' && text.startsWith('https://');
  if (protocol === 'http:') return loopback.has(hostname) && text.startsWith('http://');
  return /^[a-z][a-z0-9-]*(\.[a-z0-9-]+)+:$/.test(protocol);
}

/** A registered address with parameters added to what it has. */
export function redirectTo(registered: string, parameters: Record<string, string>): string {
  return `${registered}${registered.includes('?') ? '&' : '?'}${new URLSearchParams(parameters).toString()}`;
}
