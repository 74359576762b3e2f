/** One form in which a text could stand somewhere. */
interface Needle {
  form: string;
  bytes: Buffer;
}

/** A place to search: its name and all its bytes. */
export type Place = [name: string, bytes: Buffer];

/** The base64 characters that depend on `bytes` alone when `before` other bytes stand in front of them. */
function base64At(bytes: Buffer, before: number): string {
  const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
  return encoded.slice(Math.ceil((before * 4) / 3), Math.floor(((before + bytes.length) * 4) / 3));
}

/** Every form in which `text` is looked for. */
export function needlesOf(text: string): Needle[] {
  const bytes = Buffer.from(text);
  const base64 = [0, 1, 2].map((before) => base64At(bytes, before));
  const escaped = text.replaceAll(/[^]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);
  const forms: [string, string | Buffer][] = [
    ['raw', bytes],
    ['hex', bytes.toString('hex')],
    ['hex in capitals', bytes.toString('hex').toUpperCase()],
    ...base64.map((encoded, at): [string, string] => [`base64 at ${at}`, encoded]),
    ...base64.map((encoded, at): [string, string] => [`base64url at ${at}`, encoded.replaceAll('+', '-').replaceAll('/', '_')]),
    ['JSON escapes', escaped],
    ['JSON escapes, escaped again', escaped.replaceAll('\\', '\\\\')],
    ['URL escapes', encodeURIComponent(text)],
    ['UTF-16', Buffer.from(text, 'utf16le')],
  ];
  // Two forms of one text can be the same bytes.
  const distinct = new Map(
    forms.map(([form, needle]) => [Buffer.from(needle as string).toString('latin1'), form]).reverse() as [string, string][],
  );
  return [...distinct].map(([needle, form]) => ({ form, bytes: Buffer.from(needle, 'latin1') }));
}

/** Where any of `texts` stands in any form: one line each, `text (form) in place`. */
export function findTexts(texts: string[], places: Place[]): string[] {
  const found = new Set<string>();
  for (const text of texts) {
    const needles = needlesOf(text);
    for (const [name, bytes] of places) {
      for (const needle of needles) if (bytes.includes(needle.bytes)) found.add(`${text} (${needle.form}) in ${name}`);
    }
  }
  return [...found];
}
