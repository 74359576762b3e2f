const alphabet = '0123456789abcdefghjkmnpqrstvwxyz';

/** UUID of a public id (TypeID: `kind_` and 26 digits of Crockford's base 32). */
export function uuidOfPublic(id: string): string {
  let value = 0n;
  for (const digit of id.slice(id.lastIndexOf('_') + 1)) {
    const at = alphabet.indexOf(digit);
    if (at === -1) throw new Error('not a public id');
    value = value * 32n + BigInt(at);
  }
  return value
    .toString(16)
    .padStart(32, '0')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
