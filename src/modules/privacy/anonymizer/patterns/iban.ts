import { countrySpecs, ValidationErrorsIBAN, validateIBAN } from 'ibantools';
import { anyOf } from '../context.ts';
import type { Finding, Recognizer } from '../recognizer.ts';
import type { TextInput } from '../text-input.ts';

/** Two letters, two check digits, then up to 30 letters and digits in one piece, or in groups of four. */
const candidate = /[A-Z]{2}\d{2}(?:[A-Z0-9]{11,30}|(?:[ \u00a0-][A-Z0-9]{4}){2,7}(?:[ \u00a0-][A-Z0-9]{1,4})?)/gi;
/** Shortest and longest IBAN (ISO 13616 registry), in characters. */
const shortest = 15;
const longest = 34;

/** How sure: with everything right, with wrong check digits of a bank's own inside, and with wrong check digits of the IBAN. */
const confidences = { right: 0.98, wrongInside: 0.9, wrong: 0.25 };

/** Bank accounts by IBAN: country, length and check digits. */
export const iban: Recognizer = {
  name: 'iban',
  kinds: ['IBAN_CODE'],
  context: { for: anyOf('iban,account,konto,compte,cuenta,conto,bank') },
  find: (input) => ibansIn(input, (confidence) => confidence > confidences.wrong),
};

/** What has the form of an IBAN and the length of its country, but wrong check digits: it is one where the text says so. */
export const uncheckedIban: Recognizer = {
  name: 'iban_unchecked',
  kinds: ['IBAN_CODE'],
  context: {
    for: anyOf('iban,bic,swift,bank,account,konto,compte,cuenta,conto,überweis,virement,vir,transfer,bonifico'),
    against: anyOf('order,tracking,serial,license,licence,coupon,voucher'),
  },
  find: (input) => ibansIn(input, (confidence) => confidence === confidences.wrong),
};

/** The longest beginning of each candidate that is one: what follows may look like one more group. */
function ibansIn(input: TextInput, isWanted: (confidence: number) => boolean): Finding[] {
  const found: Finding[] = [];
  candidate.lastIndex = 0;
  for (let match = candidate.exec(input.text); match !== null; match = candidate.exec(input.text)) {
    const { 0: text, index } = match;
    const cuts = [text.length, ...[...text.matchAll(/[ \u00a0-]/g)].map(({ index: at }) => at).toReversed()];
    let past = 4;
    for (const cut of cuts) {
      const confidence = confidenceOf(text.slice(0, cut));
      if (!isWanted(confidence) || !input.standsAlone(index, index + cut)) continue;
      found.push({ kind: 'IBAN_CODE', start: index, end: index + cut, confidence });
      past = cut;
      break;
    }
    candidate.lastIndex = index + past;
  }
  return found;
}

/** 0 for what is none. */
function confidenceOf(text: string): number {
  const compact = text.replaceAll(/[ \u00a0-]/g, '').toUpperCase();
  if (compact.length < shortest || compact.length > longest || countrySpecs[compact.slice(0, 2)]?.chars !== compact.length) return 0;
  const { errorCodes } = validateIBAN(compact);
  if (errorCodes.length === 0) return confidences.right;
  // Banks' own check digits (Spain's, Poland's …) are often not kept by who makes up an account.
  if (errorCodes.every((code) => code === ValidationErrorsIBAN.WrongAccountBankBranchChecksum)) return confidences.wrongInside;
  return errorCodes.includes(ValidationErrorsIBAN.WrongBBANFormat) ? 0 : confidences.wrong;
}
