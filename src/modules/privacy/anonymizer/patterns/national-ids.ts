import { stdnum } from 'stdnum';
import { anyOf } from '../context.ts';
import type { EntityKind } from '../entity-kinds.ts';
import type { Finding, Recognizer } from '../recognizer.ts';
import { passesLuhn } from './luhn.ts';

/** What is told of a number besides its kind. */
interface NationalId {
  kind: EntityKind;
  name: string;
  /** Digits that it has; several where it comes in several lengths. */
  lengths: readonly number[];
  /** How it is written with separators. Without them it is weaker. */
  written: RegExp;
  /** Whether country and check digits are right. */
  holds: (digits: string) => boolean;
  /** Confidence as it is usually written, in one piece, and (where it may be meant all the same) with wrong check digits. */
  confidence: { written: number; plain: number; wrong?: number };
  /** Words that speak for it. */
  context: string;
  /** Words that speak against it, besides those that do so for all. */
  against?: string;
}

const valid = (country: string, number: string) => {
  const validator = stdnum[country]?.[number];
  if (validator === undefined) throw new Error(`there is no check for ${country} ${number}`);
  return (text: string) => validator.validate(text).isValid;
};

const aadhaar = valid('IN', 'aadhaar');
const idWords = 'national id,identity,id number,ausweis,identité,identidad,identità,personal number';

/** Numbers of digits only. Checks that many numbers go through are written out; the others are those of the package `stdnum`. */
const ids: readonly NationalId[] = [
  {
    kind: 'US_SSN',
    name: 'us_ssn',
    lengths: [9],
    written: /^\d{3}([- .])\d{2}\1\d{4}$/,
    holds: (digits) => !/^(?:000|666|9)|^\d{3}00|0000$/.test(digits) && digits !== '078051120',
    confidence: { written: 0.8, plain: 0.15, wrong: 0.25 },
    context: 'ssn,social,soc sec,ss#,ss no',
  },
  {
    kind: 'US_ITIN',
    name: 'us_itin',
    lengths: [9],
    written: /^9\d{2}[- ]\d{2}[- ]\d{4}$/,
    holds: (digits) => /^9\d{2}(?:5\d|6[0-5]|7\d|8[0-8]|9[0-24-9])/.test(digits),
    confidence: { written: 0.7, plain: 0.1 },
    context: 'itin,taxpayer,tax id',
    against: 'ssn,social security',
  },
  {
    kind: 'UK_NHS',
    name: 'uk_nhs',
    lengths: [10],
    written: /^\d{3}[- ]\d{3}[- ]\d{4}$/,
    holds: nhsCheck,
    confidence: { written: 0.4, plain: 0.15 },
    context: 'nhs,national health,patient',
  },
  {
    kind: 'CA_SIN',
    name: 'ca_sin',
    lengths: [9],
    written: /^\d{3}[- ]\d{3}[- ]\d{3}$/,
    holds: (digits) => !/^[08]/.test(digits) && passesLuhn(digits),
    confidence: { written: 0.4, plain: 0.1 },
    context: 'sin!,social insurance,assurance sociale,nas!',
  },
  {
    kind: 'AU_TFN',
    name: 'au_tfn',
    lengths: [8, 9],
    written: /^\d{3}[- ]\d{3}[- ]\d{2,3}$/,
    holds: (digits) => weighted(digits, digits.length === 9 ? [1, 4, 3, 7, 5, 8, 6, 9, 10] : [10, 7, 8, 4, 6, 3, 5, 1]) % 11 === 0,
    confidence: { written: 0.35, plain: 0.1 },
    context: 'tfn,tax file',
  },
  {
    kind: 'AU_MEDICARE',
    name: 'au_medicare',
    lengths: [10, 11],
    written: /^[2-6]\d{3}[ -]\d{5}[ -]\d(?:[ -/]?\d)?$/,
    holds: medicareCheck,
    confidence: { written: 0.5, plain: 0.1 },
    context: 'medicare',
  },
  {
    kind: 'IN_AADHAAR',
    name: 'in_aadhaar',
    lengths: [12],
    written: /^\d{4}[- ]\d{4}[- ]\d{4}$/,
    // The first digit is looked at here, since the check throws for each number that fails.
    holds: (digits) => /^[2-9]/.test(digits) && aadhaar(digits),
    confidence: { written: 0.6, plain: 0.25, wrong: 0.05 },
    context: 'aadhaar,aadhar,uidai,uid!',
  },
  {
    kind: 'DE_TAX_ID',
    name: 'de_tax_id',
    lengths: [11],
    written: /^\d{2} \d{3} \d{3} \d{3}$/,
    holds: valid('DE', 'idnr'),
    confidence: { written: 0.7, plain: 0.3 },
    context: 'steuer,idnr,tax id,identifikationsnummer,tin!',
  },
  {
    kind: 'FR_NIR',
    name: 'fr_nir',
    lengths: [13],
    written: /^[12] ?\d{2} ?\d{2} ?\d{2} ?\d{3} ?\d{3}$/,
    holds: (digits) => /^[12]\d{2}(?:0[1-9]|1[0-2]|[2-9]\d)/.test(digits),
    confidence: { written: 0.4, plain: 0.1 },
    context: 'sécurité sociale,securite sociale,nir!,numéro de sécu,insee,social security',
  },
  {
    kind: 'NL_BSN',
    name: 'nl_bsn',
    lengths: [9],
    written: /^\d{4}\.\d{2}\.\d{3}$/,
    holds: (digits) => weighted(digits, [9, 8, 7, 6, 5, 4, 3, 2, -1]) % 11 === 0 && Number(digits) > 0,
    confidence: { written: 0.6, plain: 0.15 },
    context: 'bsn,burgerservice,sofi',
  },
  {
    kind: 'BE_NATIONAL_NUMBER',
    name: 'be_national_number',
    lengths: [11],
    written: /^\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}$/,
    holds: valid('BE', 'nn'),
    confidence: { written: 0.9, plain: 0.3 },
    context: 'rijksregister,registre national,national number,insz,niss',
  },
  {
    kind: 'PL_PESEL',
    name: 'pl_pesel',
    lengths: [11],
    written: /^$/,
    holds: valid('PL', 'pesel'),
    confidence: { written: 0.5, plain: 0.4 },
    context: 'pesel',
  },
  {
    kind: 'PT_NIF',
    name: 'pt_nif',
    lengths: [9],
    written: /^\d{3} \d{3} \d{3}$/,
    holds: (digits) =>
      /^[1-35-9]/.test(digits) && ((11 - (weighted(digits, [9, 8, 7, 6, 5, 4, 3, 2]) % 11)) % 11) % 10 === Number(digits[8]),
    confidence: { written: 0.3, plain: 0.15 },
    context: 'nif,contribuinte,fiscal',
  },
  {
    kind: 'SE_PERSONNUMMER',
    name: 'se_personnummer',
    lengths: [10, 12],
    written: /^(?:\d{2})?\d{6}-\d{4}$/,
    holds: (digits) =>
      /^(?:19|20)?\d{2}(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01]|[6-8]\d|9[01])\d{4}$/.test(digits) && passesLuhn(digits.slice(-10)),
    confidence: { written: 0.75, plain: 0.2 },
    context: 'personnummer,personal identity number,pnr',
  },
  {
    kind: 'DK_CPR',
    name: 'dk_cpr',
    lengths: [10],
    written: /^\d{6}-\d{4}$/,
    holds: (digits) => /^(?:0[1-9]|[12]\d|3[01])(?:0[1-9]|1[0-2])/.test(digits),
    confidence: { written: 0.5, plain: 0.1 },
    context: 'cpr,personnummer',
  },
  {
    kind: 'NO_FODSELSNUMMER',
    name: 'no_fodselsnummer',
    lengths: [11],
    written: /^\d{6} \d{5}$/,
    holds: valid('NO', 'fodselsnummer'),
    confidence: { written: 0.8, plain: 0.5 },
    context: 'fødselsnummer,fodselsnummer,personnummer,national identity',
  },
  {
    kind: 'CH_AHV',
    name: 'ch_ahv',
    lengths: [13],
    written: /^756\.\d{4}\.\d{4}\.\d{2}$/,
    holds: valid('CH', 'ssn'),
    confidence: { written: 0.95, plain: 0.75 },
    context: 'ahv,avs,oasi,sozialversicherung',
  },
  {
    kind: 'BR_CPF',
    name: 'br_cpf',
    lengths: [11],
    written: /^\d{3}\.\d{3}\.\d{3}-\d{2}$/,
    holds: valid('BR', 'cpf'),
    confidence: { written: 0.95, plain: 0.4 },
    context: 'cpf,cadastro',
  },
  {
    kind: 'ZA_ID',
    name: 'za_id',
    lengths: [13],
    written: /^\d{6} \d{4} \d{2} ?\d$/,
    holds: valid('ZA', 'idnr'),
    confidence: { written: 0.7, plain: 0.4 },
    context: 'south africa,id number,id no',
  },
];

/** National ids, tax and insurance numbers that are made of digits only. */
export const nationalIds: readonly Recognizer[] = ids.map(({ kind, name, lengths, written, holds, confidence, context, against = '' }) => ({
  name,
  kinds: [kind],
  context: {
    for: anyOf(`${context},${idWords}`),
    against: anyOf(`order,invoice,tracking,ticket,reference,bestell,commande,pedido,ordine,isbn,sku,${against}`),
  },
  find(input) {
    const found: Finding[] = [];
    for (const length of lengths) {
      for (const { start, end, digits, whole, groups } of input.windowsOf(length)) {
        const usual = groups.length > 1 && written.test(input.text.slice(start, end));
        if ((groups.length > 1 && !usual) || !input.standsAlone(start, end)) continue;
        const base = holds(digits) ? (usual ? confidence.written : confidence.plain) : (confidence.wrong ?? 0);
        if (base > 0) found.push({ kind, start, end, confidence: whole ? base : base - 0.15 });
      }
    }
    return found;
  },
}));

/** Sum of the digits, each times the weight at its place. */
function weighted(digits: string, weights: readonly number[]): number {
  return weights.reduce((sum, weight, at) => sum + weight * Number(digits[at]), 0);
}

/** Modulus 11 of the NHS data dictionary, weights 10 to 2. */
function nhsCheck(digits: string): boolean {
  const check = 11 - (weighted(digits, [10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11);
  return check !== 10 && check % 11 === Number(digits[9]) && !/^(\d)\1+$/.test(digits);
}

/** Weights 1, 3, 7, 9 over eight digits, modulus 10 (Services Australia). */
function medicareCheck(digits: string): boolean {
  return /^[2-6]/.test(digits) && weighted(digits, [1, 3, 7, 9, 1, 3, 7, 9]) % 10 === Number(digits[8]);
}
