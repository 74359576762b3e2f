/** Most payloads that are read, and how long each may be, in characters. */
const mostPayloads = 12;
const longestPayload = 8_000;
const telling = /ignor|instruct|prompt|system|reveal|disregard|password|secret|forget|override|anweis|bypass|jailbreak|rules/i;

/** A text that another one carries in a form that people do not read. */
export interface Payload {
  how: 'base64' | 'hex' | 'binary' | 'url' | 'escapes' | 'rot13' | 'reversed' | 'leet' | 'spaced' | 'split';
  text: string;
}

/** Finds what a text carries encoded, and decodes it: at most 12 payloads of 8,000 characters. */
export function encodedPayloads(text: string): Payload[] {
  const found: Payload[] = [];
  const add = (how: Payload['how'], decoded: string) => {
    if (found.length < mostPayloads && decoded.length >= 8 && isText(decoded)) found.push({ how, text: decoded.slice(0, longestPayload) });
  };
  for (const [run] of matches(text, /[A-Za-z0-9+/_-]{16,}={0,2}/g))
    add('base64', Buffer.from(run.slice(0, longestPayload), 'base64').toString());
  for (const [run] of matches(text, /(?:(?:0x|\\x)?[0-9a-f]{2}[\s,:]{0,2}){10,}/gi))
    add('hex', Buffer.from(run.replace(/0x|\\x|[\s,:]/gi, '').slice(0, longestPayload), 'hex').toString());
  for (const [run] of matches(text, /(?:[01]{8}[\s,]{0,2}){6,}/g))
    add('binary', Buffer.from((run.match(/[01]{8}/g) ?? []).map((byte) => parseInt(byte, 2))).toString());
  if (/(?:%[0-9a-f]{2}[^%]{0,12}){5}/i.test(text))
    add(
      'url',
      text
        .slice(0, longestPayload)
        .replace(/(?:%[0-9a-f]{2})+/gi, unescapeUrl)
        .replaceAll('+', ' '),
    );
  if (/(?:\\u[0-9a-f]{4}|&#x?[0-9a-f]{2,6};){5}/i.test(text))
    add('escapes', text.slice(0, longestPayload).replace(/\\u([0-9a-f]{4})|&#x([0-9a-f]{2,6});|&#(\d{2,7});/gi, unescape));
  if (/\b(?:vtaber|vafgehpgvba|cebzcg|flfgrz|qvfertneq|erirny|sbetrg|cnffjbeq)/i.test(text))
    add('rot13', text.slice(0, longestPayload).replace(/[a-z]/gi, rot13));
  if (/erongi|snoitcurtsni|tpmorp|metsys|laever|tegrof|drowssap/i.test(text))
    add('reversed', Array.from(text.slice(0, longestPayload)).toReversed().join(''));
  const letters = text.slice(0, longestPayload).replace(/[a-z]*[0-9@$!|][a-z0-9@$!|]*/gi, leet);
  if (letters !== text.slice(0, longestPayload) && (letters.match(tellingAll) ?? []).length > (text.match(tellingAll) ?? []).length)
    add('leet', letters);
  const joined = [...matches(text, /(?:^|[\s"'(])((?:\p{L}[\s.\-_*·,]{1,3}){5,400}\p{L})(?![\p{L}])/gu)].map((match) =>
    unspaced(match[1] ?? ''),
  );
  if (joined.length > 0) add('spaced', joined.join(' '));
  const literals = [...matches(text, /(?:=|:|\+|\()\s*["'“]([^"'“”\n]{1,60})["'”]/g)].map((match) => match[1] ?? '');
  if (literals.length > 1 && /\+|concat|join|combin|together|zusammen|assembl|merge/i.test(text))
    add('split', literals.join(literals.some((each) => each.includes(' ')) && !literals.every((each) => each.length < 6) ? ' ' : ''));
  if (literals.length > 1 && /\+|concat|join|combin|together|zusammen|assembl|merge/i.test(text)) add('split', literals.join(''));
  return found;
}

const tellingAll = new RegExp(telling, 'gi');

function* matches(text: string, pattern: RegExp): Generator<RegExpMatchArray> {
  let count = 0;
  for (const match of text.matchAll(pattern)) {
    if (count >= mostPayloads * 2) return;
    count += 1;
    yield match;
  }
}

/** True for what reads as words: few characters that no text has, and spaces or telling words between them. */
function isText(decoded: string): boolean {
  const odd = decoded.match(/[^\p{L}\p{M}\p{N}\p{P}\p{Zs}\p{Sc}\p{Sm}\p{So}\n\r\t]|\ufffd/gu)?.length ?? 0;
  if (odd * 20 > decoded.length) return false;
  return telling.test(decoded) || /\p{L}{2,} \p{L}{2,}/u.test(decoded);
}

function unescapeUrl(run: string): string {
  try {
    return decodeURIComponent(run);
  } catch {
    return run;
  }
}

function unescape(_whole: string, four?: string, hex?: string, decimal?: string): string {
  const code = four === undefined ? (hex === undefined ? Number(decimal) : parseInt(hex, 16)) : parseInt(four, 16);
  return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : '';
}

function rot13(letter: string): string {
  const base = letter <= 'Z' ? 65 : 97;
  return String.fromCharCode(((letter.charCodeAt(0) - base + 13) % 26) + base);
}

const leetLetters: Record<string, string> = {
  '0': 'o',
  '1': 'i',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '@': 'a',
  $: 's',
  '!': 'i',
  '|': 'l',
  '8': 'b',
  '9': 'g',
};

function leet(word: string): string {
  return /[a-z]/i.test(word) ? word.replace(/[013457@$!|89]/g, (sign) => leetLetters[sign] ?? sign) : word;
}

/** `i g n o r e   a l l` has longer gaps between words; where all gaps are alike the words stay glued. */
function unspaced(run: string): string {
  return run
    .replace(/\s{2,}/g, '\u0000')
    .replace(/[\s.\-_*·,]+/g, '')
    .replaceAll('\u0000', ' ');
}
