import type { Finding, Recognizer } from '../recognizer.ts';

const months =
  'January|February|March|April|May|June|July|August|September|October|November|December|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec|Januar|Februar|März|Mai|Juni|Juli|Oktober|Dezember|janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre|enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre|gennaio|febbraio|aprile|maggio|giugno|luglio|settembre|ottobre|dicembre';
const day = String.raw`(?:0?[1-9]|[12]\d|3[01])`;
const year = String.raw`(?:19|20)\d\d`;
const time = String.raw`(?:[01]?\d|2[0-3])[:.h][0-5]\d(?::[0-5]\d)?(?: ?[ap]\.?m\.?)?`;
const weekdays =
  '(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|Mon|Tue|Wed|Thu|Fri|Sat|Sun|Montag|Dienstag|Mittwoch|Donnerstag|Freitag|Samstag|Sonntag|lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|lunes|martes|miércoles|jueves|viernes|sábado|domingo|lunedì|martedì|mercoledì|giovedì|venerdì|sabato|domenica';
/** What begins with a digit, which is tried where there is one. */
const numeric: [string, number][] = [
  [String.raw`${year}-(?:0[1-9]|1[0-2])-${day}(?:[T ]${time}(?:\.\d{1,6})?(?:Z|[+-]\d\d:?\d\d)?)?`, 0.85],
  [String.raw`${year}[/.](?:0?[1-9]|1[0-2])[/.]${day}`, 0.75],
  [String.raw`${day}([/.-])${day}\1(?:${year}|\d\d)(?:,? ${time})?`, 0.75],
  [
    String.raw`${day}(?:(?:st|nd|rd|th|\.|er|º)?(?: of| de)? (?:${months})\.?,?(?:(?: de| del)? ${year})?|[ -](?:${months})[ -](?:${year}|\d\d)(?:,? ${time})?)`,
    0.8,
  ],
  [
    String.raw`(?:[01]?\d|2[0-3])(?::[0-5]\d(?::[0-5]\d)?(?: ?[ap]\.?m\.?)?(?: ?(?:Uhr|UTC|GMT|CET|EST|PST))?|(?:\.[0-5]\d)? Uhr(?: [0-5]\d)?|h[0-5]\d)`,
    0.5,
  ],
  [String.raw`(?:1[0-2]|0?[1-9])(?: ?[ap]\.?m\.?| o['’]clock)`, 0.55],
];
const worded: [string, number][] = [
  [
    String.raw`(?:${months})(?:\.? ${day}(?:st|nd|rd|th)?(?:(?: ?[–-] ?| to | and )${day}(?:st|nd|rd|th)?)?(?:,? ${year})?|(?:,| de| of)? (?:${year}|['’]\d\d))`,
    0.8,
  ],
  [
    String.raw`(?:${weekdays}),? (?:the |den |le |el |il )?(?:${day}(?:st|nd|rd|th|\.|er|º)?(?: of| de)? (?:${months})|(?:${months})\.? ${day}(?:st|nd|rd|th)?)(?:(?:,| de| del)? ${year})?`,
    0.82,
  ],
  [String.raw`(?:in|since|until|by|last|next|this|early|late|mid|end of|im|seit|bis|en|desde)\s(?<date>(?:${months}))`, 0.45],
  [
    String.raw`(?:in|since|from|until|year|by|before|after|during|of|early|late|mid|ab|bis|seit|im Jahr|en|depuis|desde|nel|dal)\s(?<date>${year})`,
    0.45,
  ],
  [
    String.raw`(?:yesterday|tomorrow|last (?:week|month|year|night)|next (?:week|month|year)|(?:last|next|this) (?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day(?: (?:morning|afternoon|evening))?)`,
    0.42,
  ],
];
const expression = (source: string) => new RegExp(String.raw`(?<![\p{L}\d.,:/-])(?:${source})(?![\p{L}\d]|[.,:/-]\d)`, 'giu');
const patterns = [
  ...numeric.map(([source, confidence]) => ({ pattern: new RegExp(String.raw`(?=\d)${expression(source).source}`, 'giu'), confidence })),
  ...worded.map(([source, confidence]) => ({ pattern: expression(source), confidence })),
];
const birth =
  /\b(?:born|birth|birthday|birthdate|dob|d\.o\.b|geboren|geburtsdatum|geb|née?|naissance|nacid[oa]|nacimiento|nat[oa]|nascita)\b[^.!?]{0,24}$/i;

/** Dates and times in the usual ways of writing; those of a birth have a kind of their own. */
export const date: Recognizer = {
  name: 'date',
  kinds: ['DATE_TIME', 'DATE_OF_BIRTH'],
  find({ text }) {
    const found: Finding[] = [];
    for (const { pattern, confidence } of patterns) {
      pattern.lastIndex = 0;
      for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
        const words = match.groups?.date ?? match[0];
        const start = match.index + match[0].length - words.length;
        const end = start + words.replace(/(?<=[ap]m)\.$/i, '').length;
        found.push({ kind: 'DATE_TIME', start, end, confidence });
        // Both: who asks for one of the kinds only gets it.
        if (/\d/.test(match[0]) && birth.test(text.slice(Math.max(0, start - 40), start)))
          found.push({ kind: 'DATE_OF_BIRTH', start, end, confidence: Math.min(1, confidence + 0.1) });
      }
    }
    return found;
  },
};
