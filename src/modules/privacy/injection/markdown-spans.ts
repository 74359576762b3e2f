/** What a look at the beginning of a text gives: where the thing ends, that it is none, or that more text must come to tell. */
export type Look<T> = T | 'none' | 'more';

/** Longest label of a link that is looked for, and longest destination with its title, in characters. */
export const longestLabel = 400;
export const longestDestination = 2_000;

/** Finds the `]` that closes the `[` at `at`; gives the place after it. A blank line ends what could be a label. */
export function labelEnd(text: string, at: number): Look<number> {
  let depth = 0;
  const bound = at + longestLabel;
  for (let index = at; index < text.length; index += 1) {
    if (index > bound) return 'none';
    const character = text[index];
    if (character === '\\') index += 1;
    else if (character === '[') depth += 1;
    else if (character === '\n' && /^[ \t]*[\r\n]/.test(text.slice(index + 1, index + 80))) return 'none';
    else if (character === ']') {
      depth -= 1;
      if (depth === 0) return index + 1;
    }
  }
  return 'more';
}

/** Reads `(destination "title")` at `at`. */
export function destination(text: string, at: number): Look<{ written: string; end: number }> {
  const rest = text.slice(at, at + longestDestination);
  const found =
    /^\(\s*(?:<((?:[^<>\\\n]|\\.)*)>|((?:[^\s()\\]|\\.|\((?:[^\s()\\]|\\.|\([^\s()]*\))*\))*))(?:\s+(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\((?:[^()\\]|\\.)*\)))?\s*\)/.exec(
      rest,
    );
  if (found !== null) return { written: found[1] ?? found[2] ?? '', end: at + found[0].length };
  if (rest.length >= longestDestination || /\n[ \t]*\r?\n/.test(rest)) return 'none';
  // A space after the destination that is followed by anything but a title ends what could be a link.
  if (/^\(\s*[^\s<][^\s]*\s+[^\s"'()]/.test(rest)) return 'none';
  return 'more';
}

/** Elements that load, navigate, run or hide something even without attributes, or whose end is elsewhere than it seems. */
const active = new Set(
  'a applet area audio base basefont bgsound body button canvas dialog embed fieldset form frame frameset head html iframe image img input isindex keygen link listing map marquee math menu meta noembed noframes noscript object optgroup option param picture plaintext portal pre script select slot source style svg template textarea title track use video xmp'.split(
    ' ',
  ),
);
const known = new Set(
  'abbr address article aside b bdi bdo big blockquote br caption center cite code col colgroup data dd del details dfn div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hgroup hr i ins kbd label legend li main mark meter nav ol output p progress q rp rt ruby s samp search section small span strike strong sub summary sup table tbody td tfoot th thead time tr tt u ul var wbr'.split(
    ' ',
  ),
);
const longestTag = 200;

/** What a `<` at `at` is. `harmless`: no tag, or one that does nothing; its text up to `end` can stay. */
export function angle(text: string, at: number): Look<{ kind: 'address' | 'tag' | 'text' | 'active'; end: number }> {
  const rest = text.slice(at, at + longestDestination);
  if (rest.length === 1) return 'more';
  if (!/^<[a-z/!?]/i.test(rest)) return { kind: 'text', end: at + 1 };
  const address = /^<(?:https?:\/\/[^\s<>`]*|mailto:[^\s<>`?]*|[\w.+-]+@[\w.-]+)>/i.exec(rest);
  if (address !== null) return { kind: 'address', end: at + address[0].length };
  const beginning = /^<(?:h(?:t(?:t(?:p(?:s?(?::(?:\/[^\s<>`]*)?)?)?)?)?)?)?$|^<(?:mailto:|[\w.+-]+@)[^\s<>`]*$/i;
  if (beginning.test(rest) && rest.length < longestDestination) return 'more';
  const name = /^<\/?([a-z][a-z0-9-]*)(.?)/is.exec(rest);
  if (name === null) return rest === '</' ? 'more' : { kind: 'active', end: at + 1 };
  const [whole, element = '', after = ''] = name;
  if (after === '') return 'more';
  if (active.has(element.toLowerCase())) return { kind: 'active', end: at + 1 };
  const bare = /^<\/?[a-z][a-z0-9-]*\s{0,8}\/?>/i.exec(rest);
  if (bare !== null) return { kind: 'tag', end: at + bare[0].length };
  if (known.has(element.toLowerCase())) return /^\s{0,8}\/?$/.test(rest.slice(whole.length - 1)) ? 'more' : { kind: 'active', end: at + 1 };
  if (after === ':' || after === '@') return { kind: 'active', end: at + 1 };
  if (!/[\s/]/.test(after)) return { kind: 'text', end: at + 1 };
  const tag = rest.slice(0, longestTag);
  const close = tag.search(/>|\n[ \t]*\r?\n/);
  if (close !== -1) return { kind: tag.slice(0, close).includes('=') ? 'active' : 'text', end: at + 1 };
  return tag.length >= longestTag ? { kind: 'active', end: at + 1 } : 'more';
}
