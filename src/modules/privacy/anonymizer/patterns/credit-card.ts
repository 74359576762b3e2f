import { anyOf } from '../context.ts';
import type { Finding, Recognizer } from '../recognizer.ts';
import type { DigitWindow } from '../text-input.ts';
import { passesLuhn } from './luhn.ts';

/** Beginnings and lengths that issuers have (ISO/IEC 7812 ranges as published by the card networks). */
const issuers: [RegExp, readonly number[]][] = [
  [/^4/, [13, 16, 19]],
  [/^(?:5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/, [16]],
  [/^3[47]/, [15]],
  [/^(?:6011|65|64[4-9]|622)/, [16, 19]],
  [/^35(?:2[89]|[3-8])/, [16, 17, 18, 19]],
  [/^(?:2131|1800)/, [15]],
  [/^3(?:0[0-59]|6|8|9)/, [14, 16, 19]],
  [/^(?:5018|5020|5038|5[6-9]|6[0-9])/, [12, 13, 14, 15, 16, 17, 18, 19]],
  [/^220[0-4]/, [16]],
];

/** Numbers of payment cards: the length and beginning of an issuer, and the check of Luhn. */
export const creditCard: Recognizer = {
  name: 'credit_card',
  kinds: ['CREDIT_CARD'],
  context: {
    for: anyOf(
      'card,credit,debit,visa,mastercard,master card,amex,american express,discover,diners,maestro,jcb,cc,pan,karte,kreditkarte,carte,tarjeta,carta,payment,zahlung,paiement,pago,pagamento',
    ),
    against: anyOf('tracking,imei,isbn,serial,order,sendungsnummer,suivi'),
  },
  find(input) {
    const found: Finding[] = [];
    for (let length = 12; length <= 19; length += 1) {
      for (const window of input.windowsOf(length)) {
        if (!passesLuhn(window.digits) || /^(\d)\1+$/.test(window.digits) || !input.standsAlone(window.start, window.end)) continue;
        const issued = issuers.some(([beginning, lengths]) => lengths.includes(window.digits.length) && beginning.test(window.digits));
        const confidence = issued ? (isGroupedLikeACard(window) ? 0.9 : 0.5) : 0.15;
        found.push({ kind: 'CREDIT_CARD', start: window.start, end: window.end, confidence });
      }
    }
    return found;
  },
};

/** In one piece, or in groups of three to six digits with the same separator throughout. */
function isGroupedLikeACard({ groups }: DigitWindow): boolean {
  if (groups.length === 1) return true;
  const separators = new Set(groups.slice(1).map(({ separator }) => separator));
  return separators.size === 1 && groups.every(({ digits }) => digits.length >= 1 && digits.length <= 7) && groups.length <= 6;
}
