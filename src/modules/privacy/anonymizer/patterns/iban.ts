import { isValidIBAN } from 'ibantools';
import { anyOf } from '../context.ts';
import type { Finding, Recognizer } from '../recognizer.ts';

/** Two letters, two check digits, then up to 30 letters and digits in one piece, or in groups of four. */
const candidate = /[A-Z]{2}\d{2}(?:[A-Z0-9]{11,30}|(?:[ \u00a0-][A-Z0-9]{4}){2,7}(?:[ \u00a0-][A-Z0-9]{1,4})?)/gi;
/** Shortest and longest IBAN (ISO 13616 registry), in characters. */
const shortest = 15;
const longest = 34;

/** Bank accounts by IBAN: country, length and check digits. */
export const iban: Recognizer = {
  name: 'iban',
  kinds: ['IBAN_CODE'],
  context: { for: anyOf('iban,account,konto,compte,cuenta,conto,bank') },
  find(input) {
    const found: Finding[] = [];
    candidate.lastIndex = 0;
    for (let match = candidate.exec(input.text); match !== null; match = candidate.exec(input.text)) {
      const { 0: text, index } = match;
      // What follows may look like one more group: the longest beginning that holds is it.
      const cuts = [text.length, ...[...text.matchAll(/[ \u00a0-]/g)].map(({ index: at }) => at).toReversed()];
      const valid = cuts.find((cut) => isIban(text.slice(0, cut)) && input.standsAlone(index, index + cut));
      if (valid !== undefined) found.push({ kind: 'IBAN_CODE', start: index, end: index + valid, confidence: 0.98 });
      candidate.lastIndex = index + (valid ?? 4);
    }
    return found;
  },
};

function isIban(text: string): boolean {
  const compact = text.replaceAll(/[ \u00a0-]/g, '').toUpperCase();
  return compact.length >= shortest && compact.length <= longest && isValidIBAN(compact);
}
