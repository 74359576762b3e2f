const tokens = /"(?:[^"\\]|\\.)*"|[{}[\]:]/g;

/**
 * True when an object in `json`, which `JSON.parse` has accepted, names a member twice. Parsers disagree about which of two counts (RFC 8259,
 * section 4), so that a signer and we could read different things. Linear in its length.
 */
export function repeatsMember(json: string): boolean {
  const open: (Set<string> | undefined)[] = [];
  let text = '""';
  for (const [token] of json.matchAll(tokens)) {
    if (token === '{') open.push(new Set());
    else if (token === '[') open.push(undefined);
    else if (token === '}' || token === ']') open.pop();
    else if (token !== ':') text = token;
    else {
      const name = JSON.parse(text) as string;
      const names = open.at(-1);
      if (names?.has(name) === true) return true;
      names?.add(name);
    }
  }
  return false;
}
