import { type EntityKind, entityKinds } from '../../../src/modules/privacy/anonymizer/entity-kinds.ts';

/** A piece of a text that has to be found. */
export interface WantedSpan {
  kind: EntityKind;
  start: number;
  end: number;
  /** Finding it is neither right nor wrong: vague things such as "next week". */
  optional: boolean;
}

/** A text and what is to be found in it. */
export interface MarkedText {
  text: string;
  wanted: readonly WantedSpan[];
}

/** Short names of kinds in marks. */
const shortNames: Record<string, EntityKind> = {
  EMAIL: 'EMAIL_ADDRESS',
  PHONE: 'PHONE_NUMBER',
  CARD: 'CREDIT_CARD',
  IBAN: 'IBAN_CODE',
  SSN: 'US_SSN',
  PLACE: 'LOCATION',
  ADDRESS: 'STREET_ADDRESS',
  ORG: 'ORGANIZATION',
  DATE: 'DATE_TIME',
  IP: 'IP_ADDRESS',
};

const mark = /«(\??)([A-Z_]+):([^»]*)»/g;

/** Reads `text with «KIND:marked» pieces`; `«?KIND:…»` is optional, `\n` a line break. Throws on a kind that there is not. */
export function readMarked(line: string): MarkedText {
  const source = line.replaceAll(String.raw`\n`, '\n');
  const wanted: WantedSpan[] = [];
  let text = '';
  let last = 0;
  for (const { 0: whole, 1: optional, 2: name = '', 3: inside = '', index } of source.matchAll(mark)) {
    text += source.slice(last, index);
    wanted.push({ kind: kindOf(name), start: text.length, end: text.length + inside.length, optional: optional === '?' });
    text += inside;
    last = index + whole.length;
  }
  return { text: text + source.slice(last), wanted };
}

function kindOf(name: string): EntityKind {
  const kind = shortNames[name] ?? entityKinds.find((each) => each === name);
  if (kind === undefined) throw new Error(`There is no kind ${name}.`);
  return kind;
}
