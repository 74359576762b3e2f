import { anyOf } from '../context.ts';
import type { EntityKind } from '../entity-kinds.ts';
import type { Finding, Recognizer } from '../recognizer.ts';

interface DocumentNumber {
  kind: EntityKind;
  name: string;
  /** What says that a number of the kind follows. Ends before the number. */
  label: RegExp;
  /** The number, from its first sign. */
  number: RegExp;
}

/** `number`, `no.`, `#`, `is`, `:` and the like between a label and its number. */
const between = String.raw`(?:[\s:#=.,()-]|\b(?:number|num|no|nr|nº|n°|numero|número|numéro|nummer|id|is|was|ist|lautet|est|es|è|of|my|the|code|card)\b){0,12}`;

function after(words: string): RegExp {
  return new RegExp(String.raw`(?<![\p{L}\d])(?:${words})${between}`, 'giu');
}

const alphanumeric = /^(?=[A-Z0-9-]*\d)[A-Z0-9](?:[A-Z0-9-]{4,18})[A-Z0-9](?![A-Za-z0-9])/i;

/** Numbers without check digits: only what stands before tells them from any other. */
const documents: readonly DocumentNumber[] = [
  {
    kind: 'PASSPORT',
    name: 'passport',
    label: after('passports?|passport|pass-?nr|reisepass(?:nummer)?|passeport|pasaporte|passaporto'),
    number: /^(?=(?:[A-Z]*\d){3})[A-Z0-9]{6,10}(?![A-Za-z0-9])/i,
  },
  {
    kind: 'DRIVER_LICENSE',
    name: 'driver_license',
    label: after(
      String.raw`driver'?s?'?[\s-]*licen[cs]es?|driving[\s-]*licen[cs]es?|licen[cs]e(?=\s*(?:number|no|#|:?\s*[A-Z]\d))|\bdl(?=\s*(?:number|no|#|:))|führerschein(?:nummer)?|permis de conduire|permiso de conducir|carn[eé] de conducir|patente(?: di guida)?`,
    ),
    number: /^(?=[A-Z0-9\s-]*?\d{3})[A-Z0-9]{1,4}(?:[- ]?[A-Z0-9]{2,9}){1,4}(?![A-Za-z0-9])/i,
  },
  {
    kind: 'MEDICAL_RECORD_NUMBER',
    name: 'medical_record_number',
    label: after(
      'mrn|medical record|med(?:ical)? rec|patient id|patient no|patient number|health record|chart|patientennummer|patienten-?id|dossier (?:médical|patient)|historia clínica|cartella clinica',
    ),
    number: alphanumeric,
  },
  {
    kind: 'US_BANK_NUMBER',
    name: 'bank_account',
    label: after(
      'bank account|account|acct|a/c|checking|savings|routing|aba|sort code|bsb|konto(?:nummer)?|compte(?: bancaire)?|cuenta(?: bancaria)?|conto(?: corrente)?',
    ),
    number: /^(?:\d{2}-\d{2}-\d{2}|\d[\d -]{5,20}\d)(?![\p{L}\d])/u,
  },
];

/** Longest number with its separators, in characters. */
const longest = 40;

/** Numbers of passports, driving licences, medical records and bank accounts, where a label says so. */
export const documentNumbers: readonly Recognizer[] = documents.map(({ kind, name, label, number }) => ({
  name,
  kinds: [kind],
  context: { against: anyOf('order,invoice,tracking') },
  find({ text }) {
    const found: Finding[] = [];
    for (const { 0: words, index } of text.matchAll(label)) {
      const start = index + words.length;
      const match = number.exec(text.slice(start, start + longest))?.[0].trimEnd();
      if (match === undefined || !/\d/.test(match)) continue;
      found.push({ kind, start, end: start + match.length, confidence: 0.75 });
    }
    return found;
  },
}));
