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
      'card,credit,debit,visa,mastercard,master card,amex,american express,discover,diners,maestro,jcb,cc!,pan!,karte,kreditkarte,carte,tarjeta,carta,payment,zahlung,paiement,pago,pagamento',
    ),
    against: anyOf('tracking,imei,isbn,serial,order,sendungsnummer,suivi'),
  },
  find(input) {
    const found: Finding[] = [];
    for (let length = 12; length <= 19; length += 1) {
      for (const window of input.windowsOf(length)) {
        if (!passesLuhn(window.digits) || /^(\d)\1+$/.test(window.digits) || !input.standsAlone(window.start, window.end)) continue;
        const confidence = isIssued(window.digits) ? (isGroupedLikeACard(window) ? 0.9 : 0.5) : 0.15;
        found.push({ kind: 'CREDIT_CARD', start: window.start, end: window.end, confidence });
      }
    }
    return found;
  },
};

/**
 * What has the form of a card's number but not its check digit: a slip of the pen, or made up. It is one where the text says so, and says nothing else of it.
 */
export const uncheckedCard: Recognizer = {
  name: 'credit_card_unchecked',
  kinds: ['CREDIT_CARD'],
  context: {
    for: anyOf(
      'card,credit,debit,visa,mastercard,master card,amex,american express,discover,diners,maestro,jcb,cc!,karte,kreditkarte,kartennummer,carte,tarjeta,carta',
    ),
    against: anyOf(
      'tracking,imei,isbn,serial,order,reference,ref!,invoice,transaction,account,acct,iban,phone,loyalty,library,member,sim!,voucher,bestell,sendung,rechnung,konto,commande,facture,compte,suivi,pedido,factura,cuenta,ordine,fattura,conto',
    ),
  },
  find(input) {
    const found: Finding[] = [];
    for (let length = 13; length <= 19; length += 1) {
      for (const window of input.windowsOf(length)) {
        const { start, end, digits, whole } = window;
        if (!whole || passesLuhn(digits) || !isGroupedLikeACard(window) || !isIssued(digits) || !input.standsAlone(start, end)) continue;
        found.push({ kind: 'CREDIT_CARD', start, end, confidence: 0.15 });
      }
    }
    return found;
  },
};

function isIssued(digits: string): boolean {
  return issuers.some(([beginning, lengths]) => lengths.includes(digits.length) && beginning.test(digits));
}

/** In one piece, or in groups of three to six digits with the same separator throughout. */
function isGroupedLikeACard({ groups }: DigitWindow): boolean {
  if (groups.length === 1) return true;
  const separators = new Set(groups.slice(1).map(({ separator }) => separator));
  return separators.size === 1 && groups.every(({ digits }) => digits.length >= 1 && digits.length <= 7) && groups.length <= 6;
}
