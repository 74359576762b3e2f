/** What a link or a picture of an answer points to. */
export type Target =
  /** A place on the page's own host, or a mail address: nothing goes anywhere else. */
  | { kind: 'own' }
  /** A web address. `data`: it could carry something besides the name of a page. */
  | { kind: 'web'; url: URL; data: boolean }
  /** Anything else: scripts, data, schemes of applications, what cannot be read. */
  | { kind: 'other' };

/** Longest path that names a page and nothing else, and longest part of one, in characters. */
const longestPath = 160;
const longestPart = 48;
const longestLabel = 30;

const entities: Record<string, string> = { amp: '&', colon: ':', sol: '/', bsol: '\\', period: '.', commat: '@', lpar: '(', rpar: ')' };

/** Reads a destination as it stands in Markdown or HTML. */
export function targetOf(written: string): Target {
  const text = written
    .replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,10}));/gi, (whole, decimal?: string, hex?: string, name?: string) => {
      if (name !== undefined) return entities[name.toLowerCase()] ?? (/^(?:tab|newline)$/i.test(name) ? '' : whole);
      const code = decimal === undefined ? parseInt(hex ?? '', 16) : Number(decimal);
      return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : '';
    })
    .replace(/\\([!-/:-@[-`{-~])/g, '$1')
    .replace(/[\p{Cc}\p{Cf}]+/gu, '')
    .trim();
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase();
  if (scheme === undefined && !/^[\\/]{2}/.test(text)) return { kind: 'own' };
  if (scheme === 'mailto' || scheme === 'tel') return /[?&]/.test(text) ? { kind: 'other' } : { kind: 'own' };
  const full = scheme === undefined ? `https:${text}` : text;
  if (!/^https?:/i.test(full) || !URL.canParse(full)) return { kind: 'other' };
  const url = new URL(full);
  return { kind: 'web', url, data: carriesData(url) };
}

/** True when a host is one of `hosts`, or below one that is written `*.example.com`. */
export function isAllowedHost(host: string, hosts: readonly string[]): boolean {
  return hosts.some((each) => (each.startsWith('*.') ? host.endsWith(each.slice(1)) : host === each));
}

/** A web address that can stand in Markdown, in code and in HTML as it is. */
export function plainUrl(url: URL): string {
  return url.href.replace(/[()<>`'"\\|[\]{}]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

function carriesData({ username, password, search, hash, hostname, pathname }: URL): boolean {
  if (username !== '' || password !== '' || search.length > 1) return true;
  if (hash.length > longestPart || /[=%&]/.test(hash)) return true;
  const labels = hostname.split('.');
  if (labels.length > 6 || labels.some((label) => label.length > longestLabel)) return true;
  if (pathname.length > longestPath) return true;
  return pathname.split('/').some((part) => part.length > longestPart || isOpaque(part));
}

/** True for what no person writes into an address: encoded bytes, long mixtures of letters and digits. */
function isOpaque(part: string): boolean {
  if ((part.match(/%[0-9a-f]{2}/gi) ?? []).length > 2 && !/^(?:%[89a-f][0-9a-f]|[\w-])+$/i.test(part)) return true;
  return /(?=[a-z0-9_+=-]*\d)(?=[a-z0-9_+=-]*[a-z])[a-z0-9_+=]{20,}/i.test(part);
}
