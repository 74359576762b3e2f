import type { Finding, Recognizer } from '../recognizer.ts';

/** Longest URL that is looked at, in characters. */
const longest = 2_048;

const withScheme =
  /\b(?:https?|ftps?|sftp|wss?|ssh|git|ldaps?|mongodb(?:\+srv)?|postgres(?:ql)?|mysql|redis|amqps?|smb):\/\/[^\s<>"'`\u201c\u201d]{1,2048}/giu;
const www = /(?<![\p{L}\p{N}@.-])www\.[\p{L}\p{N}-]{1,63}(?:\.[\p{L}\p{N}-]{1,63}){1,6}(?:[/?#][^\s<>"'`]{0,2000})?/giu;
/** Endings that a bare domain must have to be taken for one: frequent ones that are no file's. */
const endings =
  'com|org|net|edu|gov|mil|info|biz|io|co|ai|app|dev|eu|us|uk|de|fr|es|it|nl|be|at|ch|ca|au|nz|jp|cn|in|br|mx|ru|pl|se|no|dk|fi|cz|pt|gr|ie|hu|ro|tv|me|cc|xyz|online|site|shop|store|blog|cloud|health|tech|bank';
const bare = new RegExp(
  String.raw`(?<![\p{L}\p{N}@._/-])[a-z0-9](?:[a-z0-9-]{0,62})(?:\.[a-z0-9-]{1,63}){0,4}\.(?:${endings})(?:/[^\s<>"'\x60]{0,2000})?(?![\p{L}\p{N}@_-])`,
  'giu',
);

/** Web addresses with a scheme, with `www.`, or bare. */
export const url: Recognizer = {
  name: 'url',
  kinds: ['URL'],
  find({ text }) {
    const found: Finding[] = [];
    const add = (pattern: RegExp, confidence: number) => {
      for (const { 0: address, index } of text.matchAll(pattern)) {
        const end = index + trimmed(address).length;
        if (end - index >= 4) found.push({ kind: 'URL', start: index, end, confidence });
      }
    };
    if (text.includes('://')) add(withScheme, 0.9);
    if (/www\./i.test(text)) add(www, 0.85);
    if (text.includes('.')) add(bare, 0.5);
    return found;
  },
};

const openingOf: Record<string, string> = { ')': '(', ']': '[', '}': '{' };

/** Without the punctuation of the sentence around it: a bracket stays that was opened inside. */
function trimmed(address: string): string {
  const counts = new Map<string, number>();
  for (const sign of address) if ('()[]{}'.includes(sign)) counts.set(sign, (counts.get(sign) ?? 0) + 1);
  let end = Math.min(address.length, longest);
  for (; end > 0; end -= 1) {
    const last = address[end - 1] ?? '';
    const opening = openingOf[last];
    if (opening === undefined && !'.,;:!?*_~|\\'.includes(last)) break;
    if (opening === undefined) continue;
    const closed = counts.get(last) ?? 0;
    if (closed <= (counts.get(opening) ?? 0)) break;
    counts.set(last, closed - 1);
  }
  return address.slice(0, end);
}
