import type { Finding, Recognizer } from '../recognizer.ts';

/** Keys by the forms that their issuers publish for secret scanners. */
const issued = new RegExp(
  [
    String.raw`sk-(?:proj-|ant-|svcacct-|or-)?[A-Za-z0-9_-]{20,200}`,
    String.raw`[sr]k_(?:live|test)_[A-Za-z0-9_]{16,200}`,
    String.raw`pk_(?:live|test)_[A-Za-z0-9_]{16,200}`,
    String.raw`(?:AKIA|ASIA|AGPA|AIDA|AROA)[A-Z0-9]{16}`,
    String.raw`gh[pousr]_[A-Za-z0-9]{36,255}`,
    String.raw`github_pat_[A-Za-z0-9_]{22,255}`,
    String.raw`glpat-[A-Za-z0-9_-]{20,64}`,
    String.raw`xox[abprs]-[A-Za-z0-9-]{10,250}`,
    String.raw`AIza[A-Za-z0-9_-]{35}`,
    String.raw`ya29\.[A-Za-z0-9_-]{20,300}`,
    String.raw`whsec_[A-Za-z0-9+/=]{20,100}`,
    String.raw`npm_[A-Za-z0-9]{36}`,
    String.raw`hf_[A-Za-z0-9]{30,60}`,
    String.raw`SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}`,
    String.raw`eyJ[A-Za-z0-9_-]{8,2000}\.eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{0,2000}`,
    String.raw`https:\/\/hooks\.slack\.com\/services\/[A-Za-z0-9/]{20,100}`,
  ].join('|'),
  'g',
);
const privateKey = /-----BEGIN (?:[A-Z]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----/g;
const privateKeyEnd = /-----END (?:[A-Z]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----/g;
/** A label, then what is kept secret. */
const labelled =
  /(?<![\p{L}\d])(?:password|passwd|pwd|passphrase|passwort|kennwort|mot de passe|contraseña|secret(?: key)?|client[_ -]?secret|api[_ -]?key|access[_ -]?token|auth[_ -]?token|bearer|pin code|pin)["']?(?:\s{0,3}[:=]\s{0,3}|\s{1,3}(?:is|ist|est|es|è|lautet)\s{1,3}(?:now\s|:\s?)?|(?<=bearer)\s)["'“]?([^\s"'“”,;]{4,200})/giu;

/** Longest private key that is looked at, in characters. */
const longestKey = 16_384;

/** Passwords, keys and tokens. */
export const secrets: Recognizer = {
  name: 'secret',
  kinds: ['SECRET'],
  find(input) {
    const { text } = input;
    const found: Finding[] = [];
    for (const { 0: key, index } of text.matchAll(issued)) {
      if (!/[A-Za-z0-9]$/.test(text.slice(Math.max(0, index - 1), index)))
        found.push({ kind: 'SECRET', start: index, end: index + key.length, confidence: 0.95 });
    }
    if (text.includes('-----BEGIN')) found.push(...privateKeys(text));
    for (const match of text.matchAll(labelled)) {
      const secret = (match[1] ?? '').replace(/[.!?)\]}>]+$/, '');
      if (!looksSecret(secret)) continue;
      const start = match.index + match[0].length - (match[1] ?? '').length;
      found.push({ kind: 'SECRET', start, end: start + secret.length, confidence: 0.7 });
    }
    return found;
  },
};

function privateKeys(text: string): Finding[] {
  const found: Finding[] = [];
  for (const { 0: begin, index } of text.matchAll(privateKey)) {
    privateKeyEnd.lastIndex = index + begin.length;
    const end = privateKeyEnd.exec(text.slice(0, index + longestKey));
    // A key that is cut off is one all the same.
    found.push({
      kind: 'SECRET',
      start: index,
      end: end === null ? Math.min(text.length, index + longestKey) : end.index + end[0].length,
      confidence: 0.98,
    });
  }
  return found;
}

/** A word of letters alone is mostly the sentence that goes on ("the password is wrong"). */
function looksSecret(text: string): boolean {
  return text.length >= 4 && (/\d/.test(text) || /[^\p{L}\p{N}'’-]/u.test(text) || (/\p{Ll}\p{Lu}/u.test(text) && text.length >= 6));
}
