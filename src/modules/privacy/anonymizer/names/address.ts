import { anyOf } from '../context.ts';
import type { Finding, Recognizer } from '../recognizer.ts';
import { nakedStreet, postBox, streetFirst, streetForms, streetSmall } from './address-forms.ts';

interface Form {
  pattern: RegExp;
  confidence: number;
  /** What a match must have besides: without a number a street is nobody's address. */
  holds?: (text: string) => boolean;
}

const weekdayOrMonth =
  /^(?:Am|Im|Zum|Ab|Vom|Bis) (?:Mon|Diens|Mitt|Donners|Frei|Sams|Sonn|Jan|Feb|Mär|Apr|Mai|Jun|Jul|Aug|Sep|Okt|Nov|Dez|Jahr|Tag)/;

const forms: readonly Form[] = [
  ...streetForms.map(([source, confidence]) => ({ pattern: new RegExp(source, 'gu'), confidence })),
  { pattern: new RegExp(postBox, 'giu'), confidence: 0.85 },
  { pattern: new RegExp(streetFirst, 'gu'), confidence: 0.65, holds: (text) => /\d/.test(text) },
  { pattern: new RegExp(nakedStreet, 'gu'), confidence: 0.5 },
  {
    pattern: new RegExp(streetSmall, 'giu'),
    confidence: 0.3,
    holds: (text) =>
      !/\b(?:the|a|of|to|down|per|way street|my|our|this|that|every|each|more|minutes?|miles?|hours?|days?|blocks?|houses?)\b/i.test(text),
  },
];

/** Postal addresses: streets with a number, with flat, town, state and postcode where they follow. */
export const address: Recognizer = {
  name: 'address',
  kinds: ['STREET_ADDRESS'],
  context: {
    for: anyOf(
      'address,lives at,live at,living at,located at,ship to,shipping,deliver,delivery,billing,mailing,residing,residence,street,home is,adresse,anschrift,dirección,indirizzo,send it to,send to,moved to,pick up at,house at',
    ),
  },
  find({ text }) {
    const found: Finding[] = [];
    for (const { pattern, confidence, holds } of forms) {
      pattern.lastIndex = 0;
      for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
        const [whole] = match;
        if (weekdayOrMonth.test(whole) || holds?.(whole) === false) continue;
        const end = match.index + whole.replace(/[\s,.]+$/, '').length;
        // A postcode says what it is by itself.
        const sure = /\d{5}(?:-\d{4})?$|\d[A-Z]{2}$/i.test(whole) && confidence < 0.6 ? confidence + 0.3 : confidence;
        found.push({ kind: 'STREET_ADDRESS', start: match.index, end, confidence: sure });
      }
    }
    return found;
  },
};
