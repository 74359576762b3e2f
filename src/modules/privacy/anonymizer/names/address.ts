import { anyOf } from '../context.ts';
import type { Finding, Recognizer } from '../recognizer.ts';
import { labels } from './cue-words.ts';
import { isCommon } from './word-lists.ts';
import { germanPreposition, labelled, nakedStreet, partBefore, postBox, streetFirst, streetForms, streetSmall } from './address-forms.ts';

interface Form {
  pattern: RegExp;
  confidence: number;
  /** What a match must have besides: without a number a street is nobody's address. */
  holds?: (text: string) => boolean;
}

const weekdayOrMonth =
  /^(?:Am|Im|Zum|Ab|Vom|Bis) (?:Mon|Diens|Mitt|Donners|Frei|Sams|Sonn|Jan|Feb|Mär|Apr|Mai|Jun|Jul|Aug|Sep|Okt|Nov|Dez|Jahr|Tag)/;

const withoutNumber: readonly Form[] = [{ pattern: new RegExp(nakedStreet, 'gu'), confidence: 0.5 }];
const forms: readonly Form[] = [
  ...streetForms.map(([source, confidence]) => ({ pattern: new RegExp(source, 'gu'), confidence })),
  { pattern: new RegExp(postBox, 'giu'), confidence: 0.85 },
  { pattern: new RegExp(streetFirst, 'gu'), confidence: 0.65, holds: (text) => /\d/.test(text) },
  ...withoutNumber,
  { pattern: new RegExp(germanPreposition, 'gu'), confidence: 0.3 },
  { pattern: new RegExp(labelled, 'gu'), confidence: 0.6 },
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
      'address,lives at,live at,living at,located at,ship to,shipping,deliver,delivery,billing,mailing,residing,residence,street,home is,adresse,anschrift,dirección,indirizzo,send it to,send to,moved to,wohne,wohnt,wohnhaft,pick up at,house at',
    ),
  },
  find({ text, numbers }) {
    const found: Finding[] = [];
    for (const { pattern, confidence, holds } of numbers.length === 0 ? withoutNumber : forms) {
      pattern.lastIndex = 0;
      for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
        const whole = match.groups?.street ?? match[0];
        const index = match.index + match[0].length - whole.length;
        if (weekdayOrMonth.test(whole) || holds?.(whole) === false) continue;
        const end = index + withoutLabels(whole).length;
        // A postcode says what it is by itself.
        const sure = /\d{5}(?:-\d{4})?$|\d[A-Z]{2}$/i.test(whole) && confidence < 0.6 ? confidence + 0.3 : confidence;
        found.push({ kind: 'STREET_ADDRESS', start: index - flatBefore(text, index), end, confidence: sure });
      }
    }
    return found;
  },
};

/** Without a label behind it that looks like one more word of the town: `79100 Freiburg Date: …`. */
function withoutLabels(text: string): string {
  let rest = text.replace(/[\s,.]+$/, '');
  for (let tries = 0; tries < 3; tries += 1) {
    const last = /(?<=\d{4,6} \p{Lu}[^\n,]{1,40})[ \n](\p{Lu}\p{Ll}+)$/u.exec(rest);
    if (last === null || !(isCommon((last[1] ?? '').toLowerCase()) || labels.person.has((last[1] ?? '').toLowerCase()))) break;
    rest = rest.slice(0, last.index).replace(/[\s,.]+$/, '');
  }
  return rest;
}

/** Longest part of a house before its street, in characters. */
const longestPart = 24;

/** Characters of `Flat 3, ` before a street's number. */
function flatBefore(text: string, start: number): number {
  const ahead = text.slice(Math.max(0, start - longestPart), start);
  return /[\w,] $/.test(ahead) ? (partBefore.exec(ahead)?.[0].length ?? 0) : 0;
}
