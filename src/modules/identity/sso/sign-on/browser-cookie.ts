import { newSecret } from '../../../../kernel/ids.ts';

/**
 * `__Host-`: set by this very host over HTTPS (browsers count localhost as such), never by a neighbour or for one. Lax: it comes along
 * when a provider sends the browser back, not when a foreign page posts.
 */
const name = '__Host-parley-sso';
const form = /^[\w-]{43}$/;
/** Longer than a flow and its code together, in seconds. */
const maxAge = 1_200;

/** What a browser holds that has begun to sign in; undefined for none, or for one that is none of ours. */
export function browserCookieOf(header: string | undefined): string | undefined {
  const pairs = (header ?? '').split(';').map((pair) => pair.trim());
  const values = pairs.filter((pair) => pair.startsWith(`${name}=`)).map((pair) => pair.slice(name.length + 1));
  const [value] = values;
  return values.length === 1 && value !== undefined && form.test(value) ? value : undefined;
}

/** What a browser is to hold: what it holds already, so that two tabs do not disturb each other, or something new. */
export function browserCookie(header: string | undefined): { value: string; setCookie: string } {
  const value = browserCookieOf(header) ?? newSecret(32);
  return { value, setCookie: `${name}=${value}; Path=/; Max-Age=${maxAge}; Secure; HttpOnly; SameSite=Lax` };
}
